//! The Python classes.

use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Error, FixedBase, Kernel, PrivateKey, PublicKey, count};
use crate::threads;

create_exception!(miyun_native, PaillierError, PyValueError, "The arguments are no key, batch, segment or exponent.");
create_exception!(miyun_native, PaillierRefused, PaillierError, "One element of a batch is not what it has to be.");

/// Shorter keys are for tests of the crate.
const SHORTEST: usize = 2048;

#[pyclass(frozen, module = "miyun_native")]
pub struct PaillierPublicKey(Owner);

/// A public key is its own or part of a private one.
#[derive(Clone)]
enum Owner {
    Public(Arc<PublicKey>),
    Private(Arc<PrivateKey>),
}

impl Owner {
    fn key(&self) -> &PublicKey {
        match self {
            Self::Public(key) => key,
            Self::Private(key) => key.public(),
        }
    }
}

#[pyclass(frozen, module = "miyun_native")]
pub struct PaillierPrivateKey(Arc<PrivateKey>);

#[pyclass(frozen, module = "miyun_native")]
pub struct PaillierFixedBase {
    owner: Owner,
    base: FixedBase,
}

#[pymethods]
impl PaillierPublicKey {
    #[new]
    fn new(py: Python<'_>, n: &[u8]) -> PyResult<Self> {
        let key = py.detach(|| PublicKey::new(Kernel::chosen(), n)).map_err(|error| refusal(py, error))?;
        if key.bits() < SHORTEST {
            return Err(refusal(py, Error::Modulus));
        }
        Ok(Self(Owner::Public(Arc::new(key))))
    }

    #[getter]
    fn bits(&self) -> usize {
        self.0.key().bits()
    }

    #[getter]
    fn value_bytes(&self) -> usize {
        self.0.key().value_bytes()
    }

    #[getter]
    fn ciphertext_bytes(&self) -> usize {
        self.0.key().ciphertext_bytes()
    }

    #[pyo3(signature = (values, size=None))]
    fn encrypt<'py>(&self, py: Python<'py>, values: &[u8], size: Option<usize>) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.key();
        encrypted(py, key, values, size, |size, out| key.encrypt(values, size, out))
    }

    fn make_randomness<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.key();
        batch(py, length(py, count, key)?, |out| key.randomness(out))
    }

    #[pyo3(signature = (values, randomness, size=None))]
    fn encrypt_with<'py>(
        &self,
        py: Python<'py>,
        values: &[u8],
        randomness: &[u8],
        size: Option<usize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.key();
        encrypted(py, key, values, size, |size, out| key.encrypt_with(values, size, randomness, out))
    }

    fn raise_to_n<'py>(&self, py: Python<'py>, values: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.key();
        let number = count(values, key.value_bytes()).map_err(|error| refusal(py, error))?;
        batch(py, length(py, number, key)?, |out| key.raise_to_n(values, out))
    }

    fn make_base<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let base = py.detach(|| self.0.key().base()).map_err(|error| refusal(py, error))?;
        Ok(PyBytes::new(py, &base))
    }

    fn fixed_base(&self, py: Python<'_>, base: &[u8], exponent_bits: usize) -> PyResult<PaillierFixedBase> {
        let (pool, key) = (pool()?, self.0.key());
        let base = py.detach(|| pool.install(|| FixedBase::new(key, base, exponent_bits)));
        Ok(PaillierFixedBase { owner: self.0.clone(), base: base.map_err(|error| refusal(py, error))? })
    }

    fn add<'py>(&self, py: Python<'py>, left: &[u8], right: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        batch(py, left.len(), |out| self.0.key().add(left, right, out))
    }

    fn rerandomise<'py>(&self, py: Python<'py>, ciphertexts: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        batch(py, ciphertexts.len(), |out| self.0.key().rerandomise(ciphertexts, out))
    }

    fn negate<'py>(&self, py: Python<'py>, ciphertexts: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        batch(py, ciphertexts.len(), |out| self.0.key().negate(ciphertexts, out))
    }

    fn product<'py>(
        &self,
        py: Python<'py>,
        ciphertexts: &[u8],
        offsets: &[u8],
        indices: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.key();
        let (offsets, indices) = (words::<8>(py, offsets)?, words::<4>(py, indices)?);
        batch(py, length(py, offsets.len().saturating_sub(1), key)?, |out| {
            key.product(ciphertexts, offsets, indices, out)
        })
    }

    #[pyo3(signature = (ciphertexts, exponents, *, bits=64, signed=false))]
    fn power<'py>(
        &self,
        py: Python<'py>,
        ciphertexts: &[u8],
        exponents: &[u8],
        bits: usize,
        signed: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.key();
        let exponents = words::<8>(py, exponents)?;
        batch(py, ciphertexts.len(), |out| {
            if signed {
                key.signed_power(ciphertexts, exponents, bits, out)
            } else {
                key.power(ciphertexts, exponents, bits, out)
            }
        })
    }

    fn pack<'py>(
        &self,
        py: Python<'py>,
        ciphertexts: &[u8],
        slots: usize,
        bits: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.0.key();
        let number = count(ciphertexts, key.ciphertext_bytes()).map_err(|error| refusal(py, error))?;
        let packed = number.div_ceil(slots.max(1));
        batch(py, packed * key.ciphertext_bytes(), |out| key.pack(ciphertexts, slots, bits, out))
    }

    fn check(&self, py: Python<'_>, ciphertexts: &[u8]) -> PyResult<()> {
        let pool = pool()?;
        py.detach(|| pool.install(|| self.0.key().check(ciphertexts))).map_err(|error| refusal(py, error))
    }
}

#[pymethods]
impl PaillierFixedBase {
    fn make_randomness<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.owner.key();
        batch(py, length(py, count, key)?, |out| self.base.randomness(key, out))
    }

    #[pyo3(signature = (values, size=None))]
    fn encrypt<'py>(&self, py: Python<'py>, values: &[u8], size: Option<usize>) -> PyResult<Bound<'py, PyBytes>> {
        let key = self.owner.key();
        encrypted(py, key, values, size, |size, out| {
            key.encrypt_by(values, size, out, |out| self.base.randomness(key, out))
        })
    }
}

#[pymethods]
impl PaillierPrivateKey {
    #[new]
    fn new(py: Python<'_>, p: &[u8], q: &[u8]) -> PyResult<Self> {
        let key = py.detach(|| PrivateKey::new(Kernel::chosen(), p, q)).map_err(|error| refusal(py, error))?;
        if key.public().bits() < SHORTEST {
            return Err(refusal(py, Error::Modulus));
        }
        Ok(Self(Arc::new(key)))
    }

    #[getter]
    fn public_key(&self) -> PaillierPublicKey {
        PaillierPublicKey(Owner::Private(Arc::clone(&self.0)))
    }

    fn make_randomness<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        batch(py, length(py, count, self.0.public())?, |out| self.0.randomness(out))
    }

    #[pyo3(signature = (values, size=None))]
    fn encrypt<'py>(&self, py: Python<'py>, values: &[u8], size: Option<usize>) -> PyResult<Bound<'py, PyBytes>> {
        encrypted(py, self.0.public(), values, size, |size, out| self.0.encrypt(values, size, out))
    }

    fn decrypt<'py>(&self, py: Python<'py>, ciphertexts: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        batch(py, ciphertexts.len() / 2, |out| self.0.decrypt(ciphertexts, out))
    }

    #[expect(clippy::unused_self, reason = "Python passes it")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a private key is not pickled"))
    }
}

fn pool() -> PyResult<Arc<rayon::ThreadPool>> {
    threads::pool().map_err(|error| PyOSError::new_err(error.to_string()))
}

fn words<'a, const SIZE: usize>(py: Python<'_>, bytes: &'a [u8]) -> PyResult<&'a [[u8; SIZE]]> {
    count(bytes, SIZE).map_err(|error| refusal(py, error))?;
    Ok(bytes.as_chunks().0)
}

fn length(py: Python<'_>, count: usize, key: &PublicKey) -> PyResult<usize> {
    let size = key.ciphertext_bytes();
    count.checked_mul(size).ok_or_else(|| refusal(py, Error::Uneven { bytes: count, size }))
}

/// Ciphertexts of values of `size` bytes each, or of the length of n.
fn encrypted<'py>(
    py: Python<'py>,
    key: &PublicKey,
    values: &[u8],
    size: Option<usize>,
    work: impl FnOnce(usize, &mut [u8]) -> Result<(), Error> + Send,
) -> PyResult<Bound<'py, PyBytes>> {
    let size = size.unwrap_or(key.value_bytes());
    let number = count(values, size.max(1)).map_err(|error| refusal(py, error))?;
    batch(py, length(py, number, key)?, |out| work(size, out))
}

fn batch(
    py: Python<'_>,
    size: usize,
    work: impl FnOnce(&mut [u8]) -> Result<(), Error> + Send,
) -> PyResult<Bound<'_, PyBytes>> {
    let pool = pool()?;
    PyBytes::new_with(py, size, |out| py.detach(|| pool.install(|| work(out))).map_err(|error| refusal(py, error)))
}

fn refusal(py: Python<'_>, error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Value(position) | Error::Ciphertext(position) | Error::Index(position) | Error::Exponent(position) => {
            let refused = PaillierRefused::new_err(text);
            match refused.value(py).setattr("position", position) {
                Ok(()) => refused,
                Err(failure) => failure,
            }
        }
        Error::Random => PyOSError::new_err(text),
        _ => PaillierError::new_err(text),
    }
}
