//! The wire format of protocol buffers: numbered fields and their values, read from bytes that nobody vouches for.
//!
//! It knows nothing of messages. Every step takes at least one byte, and no length is believed before it is compared with what is
//! there, so that reading ends and asks for no memory.

/// Why bytes are not fields. The words are those of upstream's generated code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// The bytes end in the middle of a field.
    #[error("unexpected EOF")]
    Eof,
    /// A number has more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// A field has a number that no field can have.
    #[error("proto: illegal tag {0} (wire type {1})")]
    Tag(u64, u64),
    /// A value of a type that does not exist, or of groups, which Kubernetes does not use.
    #[error("proto: illegal wireType {0}")]
    WireType(u64),
}

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Datum<'a> {
    /// A number or a boolean.
    Varint(u64),
    /// Eight bytes; no message of Kubernetes has one, so they are only skipped.
    Fixed64,
    /// A text, bytes, a message, or several numbers.
    Bytes(&'a [u8]),
    /// Four bytes; no message of Kubernetes has one, so they are only skipped.
    Fixed32,
}

impl Datum<'_> {
    /// Returns the number by which the wire names its type.
    pub(super) fn wire_type(self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64 => 1,
            Self::Bytes(_) => 2,
            Self::Fixed32 => 5,
        }
    }
}

/// Reads the fields of a message one by one; an error is the last thing it gives.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Starts to read.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn field(&mut self) -> Result<(u32, Datum<'a>), WireError> {
        let tag = self.varint()?;
        let (number, wire_type) = (tag >> 3, tag & 7);
        let illegal = WireError::Tag(number, wire_type);
        let number = u32::try_from(number).ok().filter(|n| *n != 0).ok_or(illegal)?;
        let datum = match wire_type {
            0 => Datum::Varint(self.varint()?),
            1 => self.take(8).map(|_| Datum::Fixed64)?,
            2 => {
                let length = self.varint()?;
                // A length that memory cannot have is longer than what is left in any case.
                Datum::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => self.take(4).map(|_| Datum::Fixed32)?,
            other => return Err(WireError::WireType(other)),
        };
        Ok((number, datum))
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(WireError::Eof)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Overflow)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(WireError::Eof)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Datum<'a>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Reads numbers that stand one behind the other, as a list of numbers may be sent.
pub(super) fn packed(bytes: &[u8]) -> Result<Vec<u64>, WireError> {
    let mut reader = Fields::of(bytes);
    let mut numbers = Vec::new();
    while !reader.rest.is_empty() {
        numbers.push(reader.varint()?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u32, Datum<'_>)>, WireError> {
        Fields::of(bytes).collect()
    }

    #[test]
    fn fields_are_read_to_their_end() {
        let bytes = [
            0x08, 0xac, 0x02, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        let want = [
            (1, Datum::Varint(300)),
            (2, Datum::Bytes(b"hi")),
            (3, Datum::Fixed32),
            (4, Datum::Fixed64),
        ];
        assert_eq!(read(&bytes).unwrap(), want);
        let all = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(packed(&all), Ok(vec![u64::MAX]));
        assert_eq!(packed(&[0x01, 0xac, 0x02]), Ok(vec![1, 300]));
    }

    #[test]
    fn what_is_cut_or_illegal_is_refused() {
        let table: [(&[u8], WireError); 8] = [
            (&[0x08], WireError::Eof),
            (&[0x08, 0x80], WireError::Eof),
            (&[0x12, 0x03, b'h', b'i'], WireError::Eof),
            (
                &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                WireError::Eof,
            ),
            (
                &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                WireError::Overflow,
            ),
            (&[0x00, 0x00], WireError::Tag(0, 0)),
            (&[0x0b], WireError::WireType(3)),
            (&[0x0f], WireError::WireType(7)),
        ];
        for (bytes, want) in table {
            assert_eq!(read(bytes), Err(want), "{bytes:?}");
        }
        assert_eq!(Fields::of(&[0x0b, 0x0b]).count(), 1, "an error is the end");
    }
}
