//! `expand_message_xmd` of RFC 9380, 5.3.1, with SHA-512, to 64 bytes.

use sha2::{Digest, Sha512};

use super::{Error, UNIFORM_BYTES};

const BLOCK_BYTES: usize = 128;

/// n messages one after another, and their n + 1 bounds.
#[derive(Clone, Copy)]
pub struct Messages<'a> {
    values: &'a [u8],
    bounds: &'a [[u8; 4]],
}

impl<'a> Messages<'a> {
    /// `offsets` are n + 1 unsigned 32-bit little-endian positions, from 0 to the length of `values`.
    ///
    /// # Errors
    ///
    /// [`Error::Offsets`]: they don't fit the values.
    pub fn new(values: &'a [u8], offsets: &'a [u8]) -> Result<Self, Error> {
        let (bounds, rest) = offsets.as_chunks();
        let messages = Self { values, bounds };
        let fits = rest.is_empty()
            && !bounds.is_empty()
            && messages.bound(0) == 0
            && messages.bound(bounds.len() - 1) == values.len()
            && bounds.is_sorted_by_key(|bound| u32::from_le_bytes(*bound));
        if fits { Ok(messages) } else { Err(Error::Offsets) }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(&self, index: usize) -> &'a [u8] {
        &self.values[self.bound(index)..self.bound(index + 1)]
    }

    fn bound(&self, index: usize) -> usize {
        u32::from_le_bytes(self.bounds[index]) as usize
    }
}

/// Expands messages under one domain separation tag. A tag of more than 255 bytes is hashed first (RFC 9380, 5.3.3).
pub struct Expander {
    padded: Sha512,
    tag: Vec<u8>,
    first_end: Vec<u8>,
}

impl Expander {
    /// # Errors
    ///
    /// [`Error::Tag`]: it is empty.
    pub fn new(dst: &[u8]) -> Result<Self, Error> {
        let mut tag = match dst.len() {
            0 => return Err(Error::Tag),
            1..=255 => dst.to_vec(),
            _ => Sha512::new_with_prefix(b"H2C-OVERSIZE-DST-").chain_update(dst).finalize().to_vec(),
        };
        tag.push(u8::try_from(tag.len()).map_err(|_| Error::Tag)?);
        let mut first_end = vec![0, 64, 0];
        first_end.extend(&tag);
        Ok(Self { padded: Sha512::new_with_prefix([0; BLOCK_BYTES]), tag, first_end })
    }

    pub(super) fn expand(&self, message: &[u8]) -> [u8; UNIFORM_BYTES] {
        let start = self.padded.clone().chain_update(message).chain_update(&self.first_end).finalize();
        Sha512::new_with_prefix(start).chain_update([1]).chain_update(&self.tag).finalize().into()
    }
}
