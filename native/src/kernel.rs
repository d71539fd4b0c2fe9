//! What computes: code for every processor, or AVX-512 IFMA where it is.

use std::sync::OnceLock;

/// All kernels give the same bytes and refuse the same ones.
#[derive(Clone, Copy, Debug)]
pub enum Kernel {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Ifma(Ifma),
}

/// Witness that this processor and system have AVX-512 F and IFMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub struct Ifma(());

static CHOSEN: OnceLock<Kernel> = OnceLock::new();

impl Kernel {
    /// The fastest one that runs here.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = Ifma::detect() {
            return Self::Ifma(ifma);
        }
        Self::Portable
    }

    /// What Python sees, and what `MIYUN_NATIVE_KERNEL` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "dalek",
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => "avx512ifma",
        }
    }

    /// Choose for the rest of the process, once: the best kernel, or the portable one by its name. None: no such name.
    #[must_use]
    pub fn choose(name: Option<&str>) -> Option<Self> {
        let kernel = match name {
            None => Self::best(),
            Some(name) if name == Self::Portable.name() => Self::Portable,
            Some(_) => return None,
        };
        Some(*CHOSEN.get_or_init(|| kernel))
    }

    /// The one that was chosen, or the best.
    #[must_use]
    pub fn chosen() -> Self {
        *CHOSEN.get_or_init(Self::best)
    }
}

#[cfg(target_arch = "x86_64")]
impl Ifma {
    fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
        found.then_some(Self(()))
    }
}
