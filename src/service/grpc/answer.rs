//! Answers that are streams of messages.

use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::codegen::tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::call::Call;
use crate::service::{Chunk, DialogAudio, DialogPart, DialogText, Refusal, Utterance};

/// Makes a message of a part of an answer; not of every part there is one.
type Tell<P, M> = Box<dyn Fn(P) -> Option<M> + Send>;

/// Takes a request of a dialog.
pub type Take<R> = Box<dyn FnMut(&mut DialogText, R) -> Result<(), Refusal> + Send>;

/// A speech as messages.
pub struct Sound<M> {
    pub call: Call,
    /// The message before the audio.
    pub first: Option<M>,
    pub utterance: Utterance,
    pub tell: Tell<Chunk, M>,
}

impl<M: Unpin> Stream for Sound<M> {
    type Item = Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            let Poll::Ready(chunk) = self.utterance.poll_next(context) else { return Poll::Pending };
            match chunk {
                None => return Poll::Ready(None),
                Some(Err(refusal)) => return Poll::Ready(Some(Err(self.call.refuse(&refusal)))),
                Some(Ok(chunk)) => {
                    if let Some(message) = (self.tell)(chunk) {
                        return Poll::Ready(Some(Ok(message)));
                    }
                }
            }
        }
    }
}

/// A dialog: takes what comes, and tells what is spoken. Both here, so that nothing of it outlives the answer.
pub struct Dialog<R, M> {
    call: Call,
    /// The requests, and where their text goes; None when all have come.
    coming: Option<(Streaming<R>, DialogText)>,
    audio: DialogAudio,
    take: Take<R>,
    tell: Tell<DialogPart, M>,
    is_over: bool,
}

impl<R, M> Dialog<R, M> {
    /// Makes a dialog of its requests: `take` takes each of them, `tell` makes the messages.
    pub fn new(
        call: Call,
        requests: Streaming<R>,
        text: DialogText,
        audio: DialogAudio,
        take: Take<R>,
        tell: Tell<DialogPart, M>,
    ) -> Self {
        Dialog { call, coming: Some((requests, text)), audio, take, tell, is_over: false }
    }

    /// Takes what has come.
    fn listen(&mut self, context: &mut Context<'_>) -> Result<(), Status> {
        while let Some((requests, text)) = &mut self.coming {
            match Pin::new(requests).poll_next(context) {
                Poll::Pending => break,
                Poll::Ready(Some(request)) => match (self.take)(text, request?) {
                    Ok(()) => {}
                    // Its audio tells why it has ended.
                    Err(refusal) if refusal.kind == crate::service::RefusalKind::Gone => self.coming = None,
                    Err(refusal) => return Err(self.call.refuse(&refusal)),
                },
                Poll::Ready(None) => self.coming = None,
            }
        }
        Ok(())
    }
}

impl<R, M> Stream for Dialog<R, M> {
    type Item = Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Err(status) = self.listen(context) {
            self.is_over = true;
            return Poll::Ready(Some(Err(status)));
        }
        loop {
            let Poll::Ready(part) = self.audio.poll_next(context) else { return Poll::Pending };
            match part {
                None => return Poll::Ready(None),
                Some(Err(refusal)) => return Poll::Ready(Some(Err(self.call.refuse(&refusal)))),
                Some(Ok(part)) => {
                    if let Some(message) = (self.tell)(part) {
                        return Poll::Ready(Some(Ok(message)));
                    }
                }
            }
        }
    }
}
