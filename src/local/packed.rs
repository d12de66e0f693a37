//! Texts that are much alike, kept in a fraction of their size: ten thousand pods of one Job differ in a few hundred bytes of five
//! thousand.
//!
//! Each text is packed (LZ4) against a sample, some texts of its kind, and holds on to that sample. It does not know what the
//! texts are.

use std::sync::Arc;

use bytes::Bytes;

/// How many times smaller a text must become; one that does not is added to the sample for those that come after it.
const RATIO_MIN: usize = 4;

/// How long a sample is at most: a few pods in each of their states, or an Event of each sort. It is read again for each text, so
/// it must be short.
const SAMPLE_BYTES_MAX: usize = 16 << 10;

/// How many times its length a sample must have saved before another may take its place.
const SAVED_MIN: usize = 8;

/// How many bytes samples may cost before they have saved any.
const CREDIT_BYTES: usize = 4 * SAMPLE_BYTES_MAX;

/// A packed text.
#[derive(Debug)]
pub struct Packed {
    bytes: Box<[u8]>,
    length: usize,
    sample: Arc<[u8]>,
}

impl Packed {
    /// Packs a text by itself.
    pub fn alone(text: impl AsRef<[u8]>) -> Self {
        Self::new(text.as_ref(), Arc::default())
    }

    fn new(text: &[u8], sample: Arc<[u8]>) -> Self {
        Self {
            bytes: lz4_flex::block::compress_with_dict(text, &sample).into_boxed_slice(),
            length: text.len(),
            sample,
        }
    }

    /// Returns the text.
    pub fn text(&self) -> Bytes {
        // What is unpacked was packed here, so it unpacks; nothing is the harmless answer if that ever breaks.
        let text = lz4_flex::block::decompress_with_dict(&self.bytes, self.length, &self.sample);
        text.unwrap_or_default().into()
    }

    /// Returns how many bytes it is kept in, without its sample.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns how many bytes the text has.
    pub fn length(&self) -> usize {
        self.length
    }
}

/// Packs texts of one kind, one after another.
#[derive(Debug)]
pub struct Packer {
    sample: Arc<[u8]>,
    /// What was saved by packing and not yet spent on samples. So texts that have nothing in common cost hardly more than
    /// themselves, although each sample lives as long as a text that was packed against it.
    saved_bytes: usize,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            sample: Arc::default(),
            saved_bytes: CREDIT_BYTES * SAVED_MIN,
        }
    }
}

impl Packer {
    /// Packs a text against the sample, which grows by a text that is not like it.
    pub fn pack(&mut self, text: &[u8]) -> Packed {
        let packed = Packed::new(text, Arc::clone(&self.sample));
        self.saved_bytes += text.len().saturating_sub(packed.size());
        if packed.size() * RATIO_MIN <= text.len() || text.len() > SAMPLE_BYTES_MAX {
            return packed;
        }
        let skipped = (self.sample.len() + text.len()).saturating_sub(SAMPLE_BYTES_MAX);
        let grown: Vec<u8> = self.sample.iter().skip(skipped).chain(text).copied().collect();
        let Some(left) = self.saved_bytes.checked_sub(grown.len() * SAVED_MIN) else {
            return packed;
        };
        self.saved_bytes = left;
        self.sample = grown.into();
        Packed::new(text, Arc::clone(&self.sample))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pod(index: usize) -> String {
        let same =
            "\"terminationMessagePath\":\"/dev/termination-log\",\"imagePullPolicy\":\"IfNotPresent\"".repeat(40);
        format!(r#"{{"metadata":{{"name":"ttg-primes-{index}"}},"spec":{{{same}}}}}"#)
    }

    #[test]
    fn texts_that_are_alike_take_a_fraction_and_come_back_whole() {
        let mut packer = Packer::default();
        let texts: Vec<String> = (0..100).map(pod).collect();
        let packed: Vec<Packed> = texts.iter().map(|t| packer.pack(t.as_bytes())).collect();
        for (text, packed) in texts.iter().zip(&packed) {
            assert_eq!(packed.text(), text.as_bytes());
        }
        let sizes: usize = packed.iter().map(Packed::size).sum();
        let lengths: usize = packed.iter().map(Packed::length).sum();
        assert!(sizes * 20 < lengths, "{sizes} of {lengths} bytes");
    }

    /// Texts that have nothing in common.
    fn noise(seed: u32) -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_u32(33 + (state >> 24) % 90).unwrap()
        };
        (0..1_000).map(|_| next()).collect()
    }

    #[test]
    fn texts_of_several_sorts_are_all_known_in_the_sample() {
        let mut packer = Packer::default();
        let sorts: Vec<String> = (1..5).map(noise).collect();
        for sort in &sorts {
            packer.pack(sort.as_bytes());
        }
        for sort in &sorts {
            let text = sort.clone() + "x";
            let packed = packer.pack(text.as_bytes());
            assert!(packed.size() * 20 <= text.len(), "{} bytes", packed.size());
            assert_eq!(packed.text(), text.as_bytes());
        }
    }

    #[test]
    fn texts_that_have_nothing_in_common_cost_hardly_more_than_themselves() {
        let mut packer = Packer::default();
        let packed: Vec<Packed> = (0..200).map(|i| packer.pack(noise(i).as_bytes())).collect();
        let sizes: usize = packed.iter().map(Packed::size).sum();
        let mut samples: Vec<&Arc<[u8]>> = packed.iter().map(|p| &p.sample).collect();
        samples.dedup_by(|a, b| Arc::ptr_eq(a, b));
        let samples: usize = samples.iter().map(|s| s.len()).sum();
        assert!(
            sizes + samples < 200 * 1_010 + 2 * CREDIT_BYTES,
            "{sizes} and {samples} bytes"
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back_whole(texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8)) {
            let mut packer = Packer::default();
            let packed: Vec<Packed> = texts.iter().map(|t| packer.pack(t)).collect();
            for (text, packed) in texts.iter().zip(packed) {
                prop_assert_eq!(packed.text(), &text[..]);
            }
        }
    }

    #[test]
    fn a_text_beyond_the_reach_of_the_format_comes_back_whole() {
        let mut packer = Packer::default();
        let long = pod(1).repeat(40);
        assert!(long.len() > 1 << 16);
        for text in [&long, &pod(2), &long] {
            assert_eq!(packer.pack(text.as_bytes()).text(), text.as_bytes());
        }
    }
}
