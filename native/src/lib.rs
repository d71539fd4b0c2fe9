//! Batch kernels of Miyun: bytes in, bytes out, the interpreter's lock released, all processors used.
//!
//! This file is the Python module, with `miyun_native.pyi` beside it. The rest is plain Rust.

mod batches;
pub mod http2;
pub mod join;
pub mod kernel;
pub mod paillier;
pub mod ristretto;
pub mod shuffle;
pub mod spill;
pub mod threads;

#[cfg(feature = "python")]
#[pyo3::pymodule]
mod miyun_native {
    use std::env;
    use std::num::NonZeroUsize;

    use pyo3::create_exception;
    use pyo3::exceptions::{PyOSError, PyValueError};
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    use crate::kernel::Kernel;
    use crate::ristretto::{self, Expander, Factor, Messages, POINT_BYTES, TOKEN_BYTES, UNIFORM_BYTES};
    use crate::threads;

    #[pymodule_export]
    use crate::http2::python::Http2;
    #[pymodule_export]
    use crate::join::python::{TokenParts, join_tokens};
    #[pymodule_export]
    use crate::paillier::python::{PaillierFixedBase, PaillierPrivateKey, PaillierPublicKey};
    #[pymodule_export]
    use crate::shuffle::python::{Shuffle, permutation};

    create_exception!(miyun_native, BatchError, PyValueError, "The arguments are no batch, scalar, key or tag.");
    create_exception!(miyun_native, PointRefused, PyValueError, "A point is the identity or not canonically encoded.");

    /// `MIYUN_NATIVE_KERNEL=dalek` keeps to the kernel for every processor; `MIYUN_NATIVE_THREADS` limits the threads.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let kernel = Kernel::choose(setting("MIYUN_NATIVE_KERNEL").as_deref())
            .ok_or_else(|| PyValueError::new_err("MIYUN_NATIVE_KERNEL is dalek or not set"))?;
        if let Some(count) = setting("MIYUN_NATIVE_THREADS") {
            let count =
                count.parse().map_err(|_| PyValueError::new_err("MIYUN_NATIVE_THREADS is a number or not set"))?;
            threads::set(NonZeroUsize::new(count));
        }
        let py = module.py();
        module.add("BatchError", py.get_type::<BatchError>())?;
        module.add("PointRefused", py.get_type::<PointRefused>())?;
        module.add("TokenRepeated", py.get_type::<crate::join::python::TokenRepeated>())?;
        module.add("TokensCrowded", py.get_type::<crate::join::python::TokensCrowded>())?;
        module.add("PaillierError", py.get_type::<crate::paillier::python::PaillierError>())?;
        module.add("PaillierRefused", py.get_type::<crate::paillier::python::PaillierRefused>())?;
        module.add("KERNEL", kernel.name())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    #[pyfunction]
    fn set_threads(count: usize) {
        threads::set(NonZeroUsize::new(count));
    }

    #[pyfunction]
    fn hash_to_group<'py>(py: Python<'py>, values: &[u8], offsets: &[u8], dst: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let messages = Messages::new(values, offsets).map_err(|error| refusal(py, error))?;
        let expander = Expander::new(dst).map_err(|error| refusal(py, error))?;
        batch(py, messages.len() * POINT_BYTES, |out| {
            ristretto::hash_to_group(Kernel::chosen(), messages, &expander, out)
        })
    }

    #[pyfunction]
    fn map_to_group<'py>(py: Python<'py>, uniform: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let size = uniform.len() / UNIFORM_BYTES * POINT_BYTES;
        batch(py, size, |out| ristretto::map_to_group(Kernel::chosen(), uniform, out))
    }

    #[pyfunction]
    fn multiply<'py>(py: Python<'py>, points: &[u8], scalar: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let factor = Factor::from_bytes(scalar).map_err(|error| refusal(py, error))?;
        batch(py, points.len(), |out| ristretto::multiply(Kernel::chosen(), points, &factor, out))
    }

    #[pyfunction]
    fn blind<'py>(
        py: Python<'py>,
        values: &[u8],
        offsets: &[u8],
        dst: &[u8],
        scalar: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let messages = Messages::new(values, offsets).map_err(|error| refusal(py, error))?;
        let expander = Expander::new(dst).map_err(|error| refusal(py, error))?;
        let factor = Factor::from_bytes(scalar).map_err(|error| refusal(py, error))?;
        batch(py, messages.len() * POINT_BYTES, |out| {
            ristretto::blind(Kernel::chosen(), messages, &expander, &factor, out)
        })
    }

    #[pyfunction]
    fn derive_tokens<'py>(py: Python<'py>, points: &[u8], key: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let size = points.len() / POINT_BYTES * TOKEN_BYTES;
        batch(py, size, |out| ristretto::derive_tokens(points, key, out))
    }

    fn setting(name: &str) -> Option<String> {
        env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
    }

    fn pool() -> PyResult<std::sync::Arc<rayon::ThreadPool>> {
        threads::pool().map_err(|error| PyOSError::new_err(error.to_string()))
    }

    /// Bytes that `work` writes on all threads while the interpreter goes on.
    fn batch(
        py: Python<'_>,
        size: usize,
        work: impl FnOnce(&mut [u8]) -> Result<(), ristretto::Error> + Send,
    ) -> PyResult<Bound<'_, PyBytes>> {
        let pool = pool()?;
        bytes(py, size, |out| py.detach(|| pool.install(|| work(out))).map_err(|error| refusal(py, error)))
    }

    fn bytes(
        py: Python<'_>,
        size: usize,
        write: impl FnOnce(&mut [u8]) -> PyResult<()>,
    ) -> PyResult<Bound<'_, PyBytes>> {
        PyBytes::new_with(py, size, write)
    }

    fn refusal(py: Python<'_>, error: ristretto::Error) -> PyErr {
        match error {
            ristretto::Error::Refused(position) => {
                with(py, PointRefused::new_err(error.to_string()), "position", position)
            }
            _ => BatchError::new_err(error.to_string()),
        }
    }

    /// The exception with an attribute more, or the failure to give it one.
    fn with<'py>(py: Python<'py>, exception: PyErr, name: &str, value: impl IntoPyObject<'py>) -> PyErr {
        match exception.value(py).setattr(name, value) {
            Ok(()) => exception,
            Err(failure) => failure,
        }
    }
}
