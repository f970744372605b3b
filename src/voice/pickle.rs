//! Python's pickles, as far as a saved voice needs them. Nothing in a pickle is ever run: a call becomes a
//! [`Value::Call`] that names its function.
//!
//! Values lie in one list and refer to each other by position, so a hostile pickle can neither copy itself
//! large nor nest too deep for the stack.

use std::collections::HashMap;

use crate::message::cut;

/// The most steps that are taken. A saved voice has some hundreds, or some thousands as a list of numbers.
const MAX_STEPS: usize = 50_000;

/// The most bytes of a name that a message shows.
const MAX_NAME: usize = 80;
/// The name of a class whose objects are filled item by item after they are made.
const ORDERED_DICT: &str = "collections.OrderedDict";

/// The position of a value in its [`Pickle`].
pub type Place = usize;

/// A value of a pickle.
#[derive(Debug)]
pub enum Value {
    /// `None`.
    None,
    /// A truth value.
    Bool,
    /// A whole number.
    Int(i64),
    /// A whole number of more than eight bytes, little-endian.
    Long(Vec<u8>),
    /// A floating-point number.
    Float(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes,
    /// A list or a tuple.
    List(Vec<Place>),
    /// A dictionary.
    Dict(Vec<(Place, Place)>),
    /// A class or function, with its module: `torch.FloatStorage`.
    Global(String),
    /// The result of calling the first value with the second as its arguments.
    Call(Place, Place),
    /// A value that the pickle's file keeps outside the pickle; with the place of its name.
    Outside(Place),
}

/// A pickle that has been read.
#[derive(Debug)]
pub struct Pickle {
    values: Vec<Value>,
    /// Place of the outermost value.
    top: Place,
}

impl Pickle {
    /// Reads the pickle that `bytes` begin with and moves them past it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn read(bytes: &mut &[u8]) -> Result<Self, String> {
        let mut machine =
            Machine { input: bytes, values: vec![], stack: vec![], marks: vec![], memo: HashMap::new() };
        for _ in 0..MAX_STEPS {
            if let Some(top) = machine.step()? {
                *bytes = machine.input;
                return Ok(Pickle { values: machine.values, top });
            }
        }
        Err("it is longer than that of any voice".into())
    }

    /// Returns the outermost value's place.
    pub fn top(&self) -> Place {
        self.top
    }

    /// Returns the value at a place.
    pub fn get(&self, place: Place) -> &Value {
        self.values.get(place).unwrap_or(&Value::None)
    }

    /// Returns the items of a list or tuple; none for any other value.
    pub fn items(&self, place: Place) -> &[Place] {
        match self.get(place) {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the text at a place, if it is one.
    pub fn text(&self, place: Place) -> Option<&str> {
        match self.get(place) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the whole number at a place, if it is one and not negative.
    pub fn size(&self, place: Place) -> Option<usize> {
        match self.get(place) {
            Value::Int(n) => usize::try_from(*n).ok(),
            _ => None,
        }
    }

    /// Returns the name of the function that a call at this place would call, and its arguments.
    pub fn call(&self, place: Place) -> Option<(&str, &[Place])> {
        match self.get(place) {
            Value::Call(function, arguments) => match self.get(*function) {
                Value::Global(name) => Some((name, self.items(*arguments))),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the places of the names of all values that lie outside.
    pub fn outside(&self) -> impl Iterator<Item = Place> {
        self.values.iter().filter_map(|value| match value {
            Value::Outside(id) => Some(*id),
            _ => None,
        })
    }

    /// Describes the value at a place, in words.
    pub fn describe(&self, place: Place) -> String {
        match self.get(place) {
            Value::None => "None".into(),
            Value::Bool => "a truth value".into(),
            Value::Int(_) | Value::Long(_) | Value::Float(_) => "a single number".into(),
            Value::Text(_) => "a text".into(),
            Value::Bytes => "bytes".into(),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Dict(items) => format!("a dictionary of {}", items.len()),
            Value::Global(name) => format!("a reference to {}", cut(name, MAX_NAME)),
            Value::Call(..) => match self.call(place) {
                Some((name, _)) => format!("an object made by {}", cut(name, MAX_NAME)),
                None => "an object".into(),
            },
            Value::Outside(_) => "a storage".into(),
        }
    }
}

struct Machine<'a> {
    input: &'a [u8],
    values: Vec<Value>,
    stack: Vec<Place>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Place>,
}

type Step<T = ()> = Result<T, String>;

impl<'a> Machine<'a> {
    /// Takes one step; the last one returns the outermost value.
    fn step(&mut self) -> Step<Option<Place>> {
        let [code] = self.array()?;
        match code {
            b'.' => return self.pop().map(Some),
            0x80 => drop(self.take(1)?),
            // A frame only says how far to read ahead.
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            b'2' => {
                let top = self.last()?;
                self.stack.push(top);
            }
            b'N' => self.push(Value::None),
            0x88 | 0x89 => self.push(Value::Bool),
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(number.into()));
            }
            b'K' => {
                let [number] = self.array()?;
                self.push(Value::Int(number.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(number.into()));
            }
            0x8a => {
                let bytes = self.counted(1)?;
                self.push(long(bytes));
            }
            b'G' => {
                let number = f64::from_be_bytes(self.array()?);
                self.push(Value::Float(number));
            }
            0x8c => self.text(1)?,
            b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            // Python 2 wrote texts so.
            b'U' => self.text(1)?,
            b'T' => self.text(4)?,
            b'C' => self.bytes(1)?,
            b'B' => self.bytes(4)?,
            0x8e | 0x96 => self.bytes(8)?,
            b']' | b')' | 0x8f => self.push(Value::List(vec![])),
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.extend(items)?;
            }
            b't' | b'l' | 0x91 => {
                let items = self.since_mark()?;
                self.push(Value::List(items));
            }
            0x85..=0x87 => {
                let at = self.stack.len().checked_sub(usize::from(code - 0x84)).ok_or_else(empty)?;
                let items = self.stack.split_off(at);
                self.push(Value::List(items));
            }
            b'}' => self.push(Value::Dict(vec![])),
            b'd' => {
                let items = self.since_mark()?;
                self.push(Value::Dict(pairs(&items)));
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(&[key, value])?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.insert(&items)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(format!("{module}.{name}")));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let name = match (self.values.get(module), self.values.get(name)) {
                    (Some(Value::Text(module)), Some(Value::Text(name))) => format!("{module}.{name}"),
                    _ => return Err("a name in it is no text".into()),
                };
                self.push(Value::Global(name));
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let ordered =
                    matches!(self.values.get(function), Some(Value::Global(g)) if g == ORDERED_DICT);
                self.push(if ordered { Value::Dict(vec![]) } else { Value::Call(function, arguments) });
            }
            // An object's state; nothing read here keeps what a voice needs in it.
            b'b' => drop(self.pop()?),
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Outside(id));
            }
            b'q' => {
                let [key] = self.array()?;
                self.remember(key.into())?;
            }
            b'r' => {
                let key = u32::from_le_bytes(self.array()?);
                self.remember(key)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let [key] = self.array()?;
                self.recall(key.into())?;
            }
            b'j' => {
                let key = u32::from_le_bytes(self.array()?);
                self.recall(key)?;
            }
            _ => return Err(format!("its opcode {code:#04x} belongs to no saved tensor or text")),
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let (head, rest) = self.input.split_at_checked(count).ok_or("it is cut off")?;
        self.input = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let (head, rest) = self.input.split_first_chunk().ok_or("it is cut off")?;
        self.input = rest;
        Ok(*head)
    }

    /// Reads bytes that follow their count, which takes `width` bytes.
    fn counted(&mut self, width: usize) -> Step<&'a [u8]> {
        let count = self.take(width)?.iter().rev().fold(0u64, |n, byte| (n << 8) | u64::from(*byte));
        self.take(usize::try_from(count).map_err(|_| "it is cut off")?)
    }

    fn text(&mut self, width: usize) -> Step {
        let text = std::str::from_utf8(self.counted(width)?).map_err(|_| "a text in it is no UTF-8")?;
        self.push(Value::Text(text.to_string()));
        Ok(())
    }

    fn bytes(&mut self, width: usize) -> Step {
        self.counted(width)?;
        self.push(Value::Bytes);
        Ok(())
    }

    fn line(&mut self) -> Step<String> {
        let end = self.input.iter().position(|byte| *byte == b'\n').ok_or("it is cut off")?;
        let line = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.take(1)?;
        Ok(line)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Step<Place> {
        self.stack.pop().ok_or_else(empty)
    }

    fn last(&self) -> Step<Place> {
        self.stack.last().copied().ok_or_else(empty)
    }

    fn since_mark(&mut self) -> Step<Vec<Place>> {
        let at = self.marks.pop().filter(|at| *at <= self.stack.len()).ok_or_else(empty)?;
        Ok(self.stack.split_off(at))
    }

    fn extend(&mut self, items: Vec<Place>) -> Step {
        let top = self.last()?;
        if let Some(Value::List(list)) = self.values.get_mut(top) {
            list.extend(items);
        }
        Ok(())
    }

    /// Inserts items into the dictionary on top of the stack; items of an object of an unknown class are
    /// dropped.
    fn insert(&mut self, items: &[Place]) -> Step {
        let top = self.last()?;
        if let Some(Value::Dict(dict)) = self.values.get_mut(top) {
            dict.extend(pairs(items));
        }
        Ok(())
    }

    fn remember(&mut self, key: u32) -> Step {
        self.memo.insert(key, self.last()?);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Step {
        let place = self.memo.get(&key).ok_or("it refers to what it does not hold")?;
        self.stack.push(*place);
        Ok(())
    }
}

fn empty() -> String {
    "it is damaged: a value is missing".into()
}

fn pairs(items: &[Place]) -> Vec<(Place, Place)> {
    items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect()
}

/// Reads a whole number in two's complement, little-endian.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Long(bytes.to_vec());
    }
    let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let start = if negative { -1 } else { 0 };
    Value::Int(bytes.iter().rev().fold(start, |n, byte| (n << 8) | i64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<Pickle, String> {
        Pickle::read(&mut bytes)
    }

    #[test]
    fn whole_numbers_of_any_width_are_read() {
        for (bytes, number) in [
            (&b"K\xff."[..], 255),
            (b"M\x00\x03.", 768),
            (b"J\xff\xff\xff\xff.", -1),
            (b"\x8a\x00.", 0),
            (b"\x8a\x01\x80.", -128),
            (b"\x8a\x02\xff\x00.", 255),
            (b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", i64::MIN),
        ] {
            let pickle = read(bytes).unwrap();
            assert!(matches!(pickle.get(pickle.top()), Value::Int(n) if *n == number), "{pickle:?}");
        }
    }

    #[test]
    fn a_call_is_named_and_not_made() {
        let pickle = read(b"\x80\x02cposix\nsystem\nq\x00X\x02\x00\x00\x00lsq\x01\x85Rq\x02.").unwrap();
        let (name, arguments) = pickle.call(pickle.top()).unwrap();
        assert_eq!(name, "posix.system");
        assert_eq!(pickle.text(arguments[0]), Some("ls"));
    }

    #[test]
    fn pickles_follow_one_another() {
        let mut bytes = &b"K\x01.K\x02.rest"[..];
        for number in [1, 2] {
            let pickle = Pickle::read(&mut bytes).unwrap();
            assert_eq!(pickle.size(pickle.top()), Some(number));
        }
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn damaged_pickles_are_refused_wherever_they_are_cut() {
        let whole = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01ccollections\nOrderedDict\nq\x02)Rq\x03X\x01\x00\x00\x00bh\x03u.";
        assert!(read(whole).is_ok());
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        for bytes in
            [&b"."[..], b"R.", b"t.", b"\x87.", b"h\x07.", b"a.", b"\x93.", b"X\xff\xff\xff\xffa.", b"Z."]
        {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_pickle_that_would_swell_or_nest_without_end_is_harmless() {
        let mut swelling = b"]q\x00".to_vec();
        swelling.extend(b"(h\x00h\x00h\x00h\x00tq\x00".repeat(2_000));
        swelling.push(b'.');
        assert_eq!(read(&swelling).unwrap().values.len(), 2_001);
        let nested = [&b")"[..], &[0x85; 40_000], b"."].concat();
        drop(read(&nested).unwrap());
        assert!(read(&[b'N'; MAX_STEPS + 1]).unwrap_err().contains("longer"));
    }
}
