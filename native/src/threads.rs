//! The threads that batches are spread over: as many as processors are available, or as asked.

use std::mem;
use std::num::NonZeroUsize;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

static STATE: Mutex<State> = Mutex::new(State { wanted: None, running: None });

struct State {
    wanted: Option<NonZeroUsize>,
    running: Option<Running>,
}

struct Running {
    process: u32,
    wanted: Option<NonZeroUsize>,
    pool: Arc<ThreadPool>,
}

/// From now on use so many threads; `None`: one for each available processor.
pub fn set(count: Option<NonZeroUsize>) {
    state().wanted = count;
}

/// The threads, started if need be: on first use, after [`set`], and in a forked process, which has none of its
/// parent's. Call it with the interpreter's lock held: no thread is here, then, while another one forks.
///
/// # Errors
///
/// The operating system gives no thread.
pub fn pool() -> Result<Arc<ThreadPool>, ThreadPoolBuildError> {
    let mut state = state();
    let (process, wanted) = (process::id(), state.wanted);
    if let Some(running) = &state.running
        && (running.process, running.wanted) == (process, wanted)
    {
        return Ok(Arc::clone(&running.pool));
    }
    let builder = ThreadPoolBuilder::new().thread_name(|index| format!("miyun-{index}"));
    let pool = Arc::new(builder.num_threads(wanted.map_or(0, NonZeroUsize::get)).build()?);
    let before = state.running.replace(Running { process, wanted, pool: Arc::clone(&pool) });
    if before.as_ref().is_some_and(|before| before.process != process) {
        // Its threads are not here to be told to stop.
        mem::forget(before);
    }
    Ok(pool)
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
