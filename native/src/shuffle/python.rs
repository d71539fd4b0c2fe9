//! The permutations as a Python function, and as a class for records beyond memory.

use std::path::PathBuf;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::file::{self, Shuffle as Records};
use crate::miyun_native::BatchError;

#[pyfunction]
pub fn permutation(py: Python<'_>, count: u32) -> PyResult<Bound<'_, PyBytes>> {
    PyBytes::new_with(py, count as usize * 4, |out| {
        py.detach(|| super::permutation(out.as_chunks_mut().0)).map_err(|error| PyOSError::new_err(error.to_string()))
    })
}

#[pyclass(module = "miyun_native")]
pub struct Shuffle(Records);

#[pymethods]
impl Shuffle {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "as Python gives it")]
    fn new(folder: PathBuf, record_bytes: usize, records: u64) -> PyResult<Self> {
        Records::new(&folder, record_bytes, records).map(Self).map_err(refusal)
    }

    fn add(&mut self, py: Python<'_>, records: &[u8]) -> PyResult<()> {
        py.detach(|| self.0.add(records)).map_err(refusal)
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let block = py.detach(|| self.0.next_block()).map_err(refusal)?;
        Ok(block.map(|block| PyBytes::new(py, &block)))
    }
}

fn refusal(error: file::Error) -> PyErr {
    match error {
        file::Error::File(error) => error.into(),
        _ => BatchError::new_err(error.to_string()),
    }
}
