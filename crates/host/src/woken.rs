//! A future beside others in one task that is looked at only when something has come for it, not whenever the task wakes.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// What wakes the future, and through it the task.
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

/// Resolves as `future` does. It is pinned elsewhere: an async function that takes a future keeps room for it twice.
pub(crate) async fn when_woken<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    // It has to be looked at once, to know what it waits for.
    let bell = Arc::new(Bell {
        rung: AtomicBool::new(true),
        task: AtomicWaker::new(),
    });
    let waker = Waker::from(Arc::clone(&bell));
    poll_fn(|context| {
        // First the task, then the question: what rings in between wakes it.
        bell.task.register(context.waker());
        if !bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_for_its_own_wakes_alone() {
        let (mine, mut inbox) = mpsc::unbounded_channel();
        let (other, mut others) = mpsc::unbounded_channel();
        let polls = Cell::new(0);
        let mut receiving = pin!(inbox.recv());
        let counting = pin!(poll_fn(|context| {
            polls.set(polls.get() + 1);
            receiving.as_mut().poll(context)
        }));
        let mut counted = pin!(when_woken(counting));
        for round in 0..10 {
            other.send(round).unwrap();
            tokio::select! {
                biased;
                _ = &mut counted => panic!("nothing has come for it"),
                came = others.recv() => assert_eq!(came, Some(round)),
            }
        }
        assert_eq!(polls.get(), 1);
        let sender = tokio::spawn(async move { mine.send("at last") });
        let came = tokio::time::timeout(Duration::from_secs(60), counted).await;
        assert_eq!(came.unwrap(), Some("at last"));
        assert_eq!(polls.get(), 2);
        sender.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn it_goes_with_the_task_that_looks_last() {
        let (mine, inbox) = tokio::sync::oneshot::channel();
        let mut waiting = Box::pin(async {
            let inbox = pin!(inbox);
            when_woken(inbox).await
        });
        assert!((&mut waiting).now_or_never().is_none());
        let elsewhere = tokio::spawn(waiting);
        tokio::task::yield_now().await;
        mine.send(7).unwrap();
        let came = tokio::time::timeout(Duration::from_secs(60), elsewhere).await;
        assert_eq!(came.unwrap().unwrap(), Ok(7));
    }
}
