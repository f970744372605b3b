//! Reads the files of `torch.save` and `pickle.dump`: finds a tensor or a text without running anything.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::pickle::{Pickle, Place, Value};
use super::voice_file::{Content, Floats};

/// The first bytes of a file of PyTorch before 1.6, as a pickled number: 0x1950a86a20f9469cfc6c.
const OLD_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Reads the voice in a zip archive, as PyTorch writes since 1.6.
///
/// # Errors
/// A sentence that says what was found instead.
pub fn read_zip(bytes: &[u8]) -> Result<Content, String> {
    let damaged = |e: zip::result::ZipError| format!("its zip archive is damaged ({e})");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut file = |name: &str| -> Result<Vec<u8>, String> {
        let entry = archive.by_name(name).map_err(|e| format!("a part of its zip archive: {e}"))?;
        let mut content = Vec::new();
        // Stored and not packed, so no entry can be longer than the file.
        entry
            .take(bytes.len() as u64)
            .read_to_end(&mut content)
            .map_err(|e| format!("a part of its zip archive: {e}"))?;
        Ok(content)
    };
    let names = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut names = names.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
    let Some(name) = names.find(|name| name.rsplit('/').next() == Some("data.pkl")) else {
        return Err("it is a zip archive, but none of PyTorch's (it has no data.pkl)".into());
    };
    let root = name.trim_end_matches("data.pkl");
    if file(&format!("{root}byteorder")).is_ok_and(|order| order == b"big") {
        return Err("it was saved on a big-endian machine".into());
    }
    let pickle = file(&name)?;
    let pickle = Pickle::read(&mut pickle.as_slice())?;
    find(&pickle, &mut |key| file(&format!("{root}data/{key}")))
}

/// Reads the voice in a bare pickle, or in a file of PyTorch before 1.6.
///
/// # Errors
/// A sentence that says what was found instead.
pub fn read_pickle(mut bytes: &[u8]) -> Result<Content, String> {
    let first = Pickle::read(&mut bytes)?;
    if !matches!(first.get(first.top()), Value::Long(magic) if *magic == OLD_MAGIC) {
        return find(&first, &mut |_| Err("it is cut off".into()));
    }
    let _version = Pickle::read(&mut bytes)?;
    let _machine = Pickle::read(&mut bytes)?;
    let object = Pickle::read(&mut bytes)?;
    let keys = Pickle::read(&mut bytes)?;
    // The storages follow in the order of their keys, each after its count of elements.
    let mut rest = Some(bytes);
    let mut storages = Vec::new();
    for key in keys.items(keys.top()) {
        let key = keys.text(*key).unwrap_or_default();
        let width = element_bytes(&object, key).unwrap_or(1);
        let storage = rest.and_then(|bytes| {
            let (count, bytes) = bytes.split_first_chunk()?;
            let length = usize::try_from(u64::from_le_bytes(*count)).ok()?.checked_mul(width)?;
            let (storage, after) = bytes.split_at_checked(length)?;
            rest = Some(after);
            Some(storage)
        });
        storages.push((key, storage.ok_or("it is cut off")?));
    }
    find(&object, &mut |key| {
        let storage = storages.iter().find(|(name, _)| *name == key);
        storage.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| "it lacks a tensor's values".into())
    })
}

/// Returns a storage's bytes by its key.
type Storages<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// Finds the one voice of a pickle: the object itself, or the only tensor or voice string of a collection.
fn find(pickle: &Pickle, storages: Storages) -> Result<Content, String> {
    if let Some(content) = content(pickle, pickle.top(), storages)? {
        return Ok(content);
    }
    let places: Vec<Place> = match pickle.get(pickle.top()) {
        Value::Dict(items) => items.iter().map(|(_, value)| *value).collect(),
        Value::List(items) => items.clone(),
        _ => return Err(format!("it holds {}", pickle.describe(pickle.top()))),
    };
    let mut found = Vec::new();
    for place in places {
        match content(pickle, place, storages)? {
            Some(Content::Text(text)) if !Content::may_be_voice(&text) => {}
            Some(content) => found.push(content),
            None => {}
        }
    }
    match (found.pop(), found.len()) {
        (Some(content), 0) => Ok(content),
        (Some(_), others) => Err(format!("it holds {} tensors or strings; save one voice alone", others + 1)),
        (None, _) => Err(format!("it holds {} without a tensor or a string", pickle.describe(pickle.top()))),
    }
}

fn content(pickle: &Pickle, place: Place, storages: Storages) -> Result<Option<Content>, String> {
    if let Some(text) = pickle.text(place) {
        return Ok(Some(Content::Text(text.to_string())));
    }
    if let Some(numbers) = list(pickle, place) {
        return Ok(Some(Content::Numbers(numbers)));
    }
    match pickle.call(place) {
        Some(("torch._utils._rebuild_tensor_v2", arguments)) => {
            tensor(pickle, arguments, storages).map(|numbers| Some(Content::Numbers(numbers)))
        }
        Some(("torch._utils._rebuild_parameter", [tensor, ..]))
            if pickle.call(*tensor).is_some_and(|(name, _)| name.ends_with("_rebuild_tensor_v2")) =>
        {
            content(pickle, *tensor, storages)
        }
        _ => Ok(None),
    }
}

/// Returns a list of more than one number.
fn list(pickle: &Pickle, place: Place) -> Option<Vec<f64>> {
    let items = pickle.items(place);
    let number = |place: &Place| match pickle.get(*place) {
        Value::Float(x) => Some(*x),
        Value::Int(n) => Some(*n as f64),
        _ => None,
    };
    items.iter().map(number).collect::<Option<Vec<f64>>>().filter(|numbers| numbers.len() > 1)
}

/// Returns the elements of a tensor of which at most one dimension is longer than 1.
fn tensor(pickle: &Pickle, arguments: &[Place], storages: Storages) -> Result<Vec<f64>, String> {
    let damaged = || "its tensor is described in a way that PyTorch does not write".to_string();
    let &[storage, offset, shape, strides, ..] = arguments else { return Err(damaged()) };
    let Value::Outside(id) = pickle.get(storage) else { return Err(damaged()) };
    let &[_, class, key, ..] = pickle.items(*id) else { return Err(damaged()) };
    let sizes =
        |place| -> Option<Vec<usize>> { pickle.items(place).iter().map(|p| pickle.size(*p)).collect() };
    let (Some(offset), Some(shape), Some(strides)) = (pickle.size(offset), sizes(shape), sizes(strides))
    else {
        return Err(damaged());
    };
    let mut long = shape.iter().zip(&strides).filter(|(length, _)| **length != 1);
    let (length, stride) = long.next().map_or((1, 1), |(length, stride)| (*length, *stride));
    if long.next().is_some() {
        return Err(format!("it holds a tensor of shape {shape:?}; a voice is a vector"));
    }
    let floats = floats(pickle, class).ok_or_else(|| {
        format!("its tensor is kept in {}; f16, bf16, f32 and f64 are read", pickle.describe(class))
    })?;
    let elements = floats.read(&storages(pickle.text(key).ok_or_else(damaged)?)?);
    (0..length)
        .map(|i| {
            let at = i.checked_mul(stride)?.checked_add(offset)?;
            elements.get(at).copied()
        })
        .collect::<Option<Vec<f64>>>()
        .ok_or_else(|| "it is cut off: its tensor has more elements than are stored".into())
}

/// Returns the form in which a storage of this class keeps its elements.
fn floats(pickle: &Pickle, class: Place) -> Option<Floats> {
    match pickle.get(class) {
        Value::Global(name) => match name.as_str() {
            "torch.HalfStorage" => Some(Floats::Half),
            "torch.BFloat16Storage" => Some(Floats::Brain),
            "torch.FloatStorage" => Some(Floats::Single),
            "torch.DoubleStorage" => Some(Floats::Double),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the bytes of an element of the storage with this key.
fn element_bytes(pickle: &Pickle, key: &str) -> Option<usize> {
    pickle.outside().find_map(|id| match *pickle.items(id) {
        [_, class, name, ..] if pickle.text(name) == Some(key) => floats(pickle, class).map(Floats::bytes),
        _ => None,
    })
}
