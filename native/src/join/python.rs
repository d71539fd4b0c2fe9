//! The join as a Python function, and as a class for columns beyond memory.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rayon::ThreadPool;

use super::parts::{Error, Parts};
use super::{Column, Side, join};
use crate::miyun_native::BatchError;
use crate::threads;

create_exception!(miyun_native, TokenRepeated, PyValueError, "A column has a token twice.");
create_exception!(miyun_native, TokensCrowded, PyValueError, "The tokens of a column are not spread as tokens are.");

type Pairs<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

#[pyfunction]
pub fn join_tokens<'py>(
    py: Python<'py>,
    left_tokens: &[u8],
    left_handles: &[u8],
    right_tokens: &[u8],
    right_handles: &[u8],
) -> PyResult<Pairs<'py>> {
    let left = Column::new(Side::Left, left_tokens, left_handles).map_err(column_refusal)?;
    let right = Column::new(Side::Right, right_tokens, right_handles).map_err(column_refusal)?;
    let pool = pool()?;
    let pairs = py.detach(|| pool.install(|| join(left, right))).map_err(column_refusal)?;
    halves(py, &pairs)
}

#[pyclass(module = "miyun_native")]
pub struct TokenParts {
    parts: Parts,
    count: u16,
}

#[pymethods]
impl TokenParts {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "as Python gives it")]
    fn new(folder: PathBuf, parts: u16, capacity: usize) -> PyResult<Self> {
        if parts == 0 {
            return Err(BatchError::new_err("there are no parts"));
        }
        Ok(Self { parts: Parts::new(&folder, parts, capacity).map_err(refusal)?, count: parts })
    }

    fn add_left(&mut self, py: Python<'_>, tokens: &[u8], handles: &[u8]) -> PyResult<()> {
        self.add(py, Side::Left, tokens, handles)
    }

    fn add_right(&mut self, py: Python<'_>, tokens: &[u8], handles: &[u8]) -> PyResult<()> {
        self.add(py, Side::Right, tokens, handles)
    }

    fn pairs<'py>(&self, py: Python<'py>, part: u16) -> PyResult<Pairs<'py>> {
        if part >= self.count {
            return Err(BatchError::new_err("there is no such part"));
        }
        let pool = pool()?;
        let pairs = py.detach(|| pool.install(|| self.parts.pairs(part))).map_err(refusal)?;
        halves(py, &pairs)
    }
}

impl TokenParts {
    fn add(&mut self, py: Python<'_>, side: Side, tokens: &[u8], handles: &[u8]) -> PyResult<()> {
        let pool = pool()?;
        py.detach(|| pool.install(|| self.parts.add(side, tokens, handles))).map_err(refusal)
    }
}

fn halves<'py>(py: Python<'py>, pairs: &[u64]) -> PyResult<Pairs<'py>> {
    let half = |shift: u32| {
        PyBytes::new_with(py, pairs.len() * 4, |out| {
            for (out, pair) in out.as_chunks_mut().0.iter_mut().zip(pairs) {
                let [a, b, c, d, ..] = (pair >> shift).to_le_bytes();
                *out = [a, b, c, d];
            }
            Ok(())
        })
    };
    Ok((half(32)?, half(0)?))
}

fn pool() -> PyResult<Arc<ThreadPool>> {
    threads::pool().map_err(|error| PyOSError::new_err(error.to_string()))
}

fn refusal(error: Error) -> PyErr {
    match error {
        Error::Columns(error) => column_refusal(error),
        Error::Crowded(_) => TokensCrowded::new_err(error.to_string()),
        Error::File(error) => error.into(),
    }
}

fn column_refusal(error: super::Error) -> PyErr {
    match error {
        super::Error::Repeated { .. } => TokenRepeated::new_err(error.to_string()),
        _ => BatchError::new_err(error.to_string()),
    }
}
