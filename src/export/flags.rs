//! The values of the flags of `export`, from the words that are typed.

use super::shoot::Shows;

/// The columns and rows that can be drawn.
const COLUMNS: std::ops::RangeInclusive<u16> = 20..=300;
/// See [`COLUMNS`].
const ROWS: std::ops::RangeInclusive<u16> = 5..=100;
/// The digits behind the point that count.
const DIGITS: usize = 3;

/// Reads a size, such as `120x34`.
pub fn size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = text.split_once(['x', '×']).ok_or("columns and rows, such as 120x34")?;
    let side = |text: &str, allowed: &std::ops::RangeInclusive<u16>| {
        let side = text.parse().ok().filter(|side| allowed.contains(side));
        side.ok_or_else(|| format!("from {}x{} to {}x{}", COLUMNS.start(), ROWS.start(), COLUMNS.end(), ROWS.end()))
    };
    Ok((side(columns, &COLUMNS)?, side(rows, &ROWS)?))
}

/// Reads a number with up to three digits behind the point, such as `0.5` or `20`; returns its thousandths.
pub fn thousandths(text: &str) -> Result<u64, String> {
    let wrong = || "a number, such as 20 or 0.5".to_owned();
    let number = text.strip_suffix(['s', 'x']).unwrap_or(text);
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > DIGITS || whole.len() > 6 {
        return Err(wrong());
    }
    format!("{whole}{part:0<DIGITS$}").parse().map_err(|_: std::num::ParseIntError| wrong())
}

/// Reads how fast a film is, from a tenth to a hundred times as fast as the run; returns the thousandths.
pub fn speed(text: &str) -> Result<u64, String> {
    let speed = thousandths(text)?;
    if (100..=100_000).contains(&speed) {
        Ok(speed)
    } else {
        Err("from 0.1 to 100".to_owned())
    }
}

/// Reads which screen is shown: `live`, `shards`, `result`, or `detail:INDEX`.
pub fn screen(text: &str) -> Result<Shows, String> {
    let index = |text: &str| text.parse().map_err(|why| format!("{text}: {why}"));
    match text.split_once(':') {
        None if text == "live" => Ok(Shows::Live),
        None if text == "shards" => Ok(Shows::Shards),
        None if text == "result" => Ok(Shows::Result),
        Some(("detail", number)) => Ok(Shows::Detail(index(number)?)),
        None | Some(_) => Err("live, shards, result or detail:INDEX".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_or_refused() {
        assert_eq!(size("120x34"), Ok((120, 34)));
        for wrong in ["120", "x", "19x34", "120x101", "120x-4", "99999x9"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        for (text, want) in [("20", 20_000), ("0.5", 500), ("1.25s", 1_250), ("2x", 2_000), ("0", 0)] {
            assert_eq!(thousandths(text), Ok(want), "{text}");
        }
        for wrong in ["", ".", "1.", ".5", "-1", "1.2345", "1e3", "9999999", "1.-2"] {
            assert!(thousandths(wrong).is_err(), "{wrong}");
        }
        assert!(speed("0").is_err());
        assert_eq!(screen("detail:7"), Ok(Shows::Detail(7)));
        for wrong in ["detail", "detail:x", "live:1", "form"] {
            assert!(screen(wrong).is_err(), "{wrong}");
        }
    }
}
