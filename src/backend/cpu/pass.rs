//! How frames go through the layers: whole sequences at once, or one sequence as it grows.

use std::ops::Range;

use super::layers::Frames;

/// Holds the last frames that came to a layer, of which its next outputs still depend on some.
#[derive(Default)]
pub struct Kept {
    rows: Vec<f32>,
    count: usize,
    /// The frame that the first row is.
    first: usize,
    /// Frames that the layer has put out.
    made: usize,
}

/// Says how frames go through the layers of a network.
pub enum Pass<'a> {
    /// All frames of all sequences at once.
    Whole,
    /// The frames of one sequence that have come since the last pass: a layer puts out those that later ones can no
    /// longer change, the same to the bit as those of the whole.
    Growing {
        /// What each layer keeps, in the order in which they run.
        kept: &'a mut Vec<Kept>,
        /// The layer that runs next.
        next: usize,
        /// Whether the sequence ends here.
        finished: bool,
    },
}

impl<'a> Pass<'a> {
    /// Begins a pass over the frames that have come since the last one.
    pub fn growing(kept: &'a mut Vec<Kept>, finished: bool) -> Self {
        Pass::Growing { kept, next: 0, finished }
    }

    /// Runs a layer of which a frame depends on so many to each side: `compute` returns the rows of the frames it is
    /// asked for, and sees what it needs around them.
    pub fn layer(
        &mut self,
        x: Frames,
        reach: usize,
        compute: impl FnOnce(&Frames, Range<usize>) -> Vec<f32>,
    ) -> Frames {
        let (kept, finished) = match self {
            Pass::Whole => return x.with_rows(compute(&x, 0..x.count())),
            Pass::Growing { kept, next, finished } => {
                if kept.len() == *next {
                    kept.push(Kept::default());
                }
                *next += 1;
                (&mut kept[*next - 1], *finished)
            }
        };
        kept.rows.extend_from_slice(&x.rows);
        kept.count += x.count();
        let end = kept.first + kept.count;
        let until = if finished { end } else { end.saturating_sub(reach) };
        if until <= kept.made {
            return Frames::new(Vec::new(), []);
        }
        let window = Frames::new(std::mem::take(&mut kept.rows), [kept.count]);
        let rows = compute(&window, kept.made - kept.first..until - kept.first);
        let out = Frames::new(rows, [until - kept.made]);
        kept.made = until;
        let spare = until.saturating_sub(reach) - kept.first;
        kept.rows = window.rows;
        kept.rows.drain(..kept.rows.len() / kept.count * spare);
        kept.count -= spare;
        kept.first += spare;
        out
    }
}
