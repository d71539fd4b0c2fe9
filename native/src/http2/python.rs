//! The connection as a Python class.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::{Call, Limits, NoField, Server};

#[pyclass(module = "miyun_native")]
pub struct Http2(Server);

type Pairs = Vec<(PyBackedBytes, PyBackedBytes)>;
type Fields<'py> = (u32, Py<PyBytes>, Py<PyBytes>, Py<PyBytes>, Py<PyBytes>, Option<Bound<'py, PyBytes>>);

#[pymethods]
impl Http2 {
    #[new]
    fn new(streams: u32, head_bytes: u32, body_bytes: usize, field_bytes: usize, broken: u32) -> Self {
        Self(Server::new(Limits { streams, head_bytes, body_bytes, field_bytes, broken }))
    }

    fn receive<'py>(&mut self, py: Python<'py>, data: &[u8]) -> Vec<Fields<'py>> {
        self.0.receive(data).into_iter().map(|call| as_tuple(py, &call)).collect()
    }

    fn respond(
        &mut self,
        stream: u32,
        status: u16,
        head: Pairs,
        body: Option<&[u8]>,
        trailers: Option<Pairs>,
    ) -> PyResult<()> {
        let status = StatusCode::from_u16(status).map_err(|_| refusal(NoField))?;
        let trailers = trailers.map(fields).transpose()?;
        let body = body.map(Bytes::copy_from_slice);
        self.0.respond(stream, status, fields(head)?, body, trailers);
        Ok(())
    }

    fn end(&mut self, body: &[u8], trailers: Pairs) -> PyResult<()> {
        self.0.end(body, &fields(trailers)?);
        Ok(())
    }

    fn take<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.take())
    }

    fn finish(&mut self) {
        self.0.finish();
    }

    fn break_off(&mut self) {
        self.0.break_off();
    }

    #[getter]
    fn over(&self) -> bool {
        self.0.is_over()
    }

    #[getter]
    fn coming(&self) -> usize {
        self.0.coming()
    }

    #[getter]
    fn oldest(&self) -> u32 {
        self.0.oldest()
    }
}

fn as_tuple<'py>(py: Python<'py>, call: &Call) -> Fields<'py> {
    let bytes = |data: &[u8]| PyBytes::new(py, data).unbind();
    let body = call.body.as_ref().map(|body| PyBytes::new(py, body));
    let (method, path) = (bytes(&call.method), bytes(&call.path));
    (call.stream, method, path, bytes(&call.content_type), bytes(&call.authorization), body)
}

#[expect(clippy::needless_pass_by_value, reason = "as Python gives it")]
fn fields(pairs: Pairs) -> PyResult<HeaderMap> {
    super::fields(pairs.iter().map(|(name, value)| (&**name, &**value))).map_err(refusal)
}

fn refusal(_: NoField) -> PyErr {
    PyValueError::new_err("no fields of a response")
}
