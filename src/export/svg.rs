//! A film as an animated SVG: a strip of pictures that CSS moves on. Every row that is drawn is in the file once.
//!
//! It stands alone: no script, no font and nothing else from elsewhere. The same film gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::film::{COVERED, Cell, Film, Rgb};
use super::shape::{CELL_HEIGHT, CELL_WIDTH, FULL, Piece, pieces};

/// The row of a cell on which characters stand.
const BASELINE: u32 = 12;

/// The rows of a film, each by its number, and its inks.
#[derive(Default)]
struct Parts<'a> {
    rows: BTreeMap<&'a [Cell], usize>,
    inks: BTreeMap<Rgb, usize>,
}

/// Writes a film as SVG.
pub(super) fn write(film: &Film) -> String {
    let (columns, rows) = film.size;
    let (width, height) = (
        u32::from(columns) * u32::from(CELL_WIDTH),
        u32::from(rows) * u32::from(CELL_HEIGHT),
    );
    let mut parts = Parts::default();
    for row in film.frames.iter().flat_map(|frame| frame.picture.rows()) {
        let next = parts.rows.len();
        parts.rows.entry(row).or_insert(next);
        for ink in row.iter().flat_map(|cell| [cell.ink, cell.paper]) {
            let next = parts.inks.len();
            parts.inks.entry(ink).or_insert(next);
        }
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{}\" xml:space=\"preserve\">\n<style>\n{}</style>\n<defs>\n",
        escaped(&film.title),
        style(film, width, &parts),
    );
    for (row, number) in &parts.rows {
        // Writing to a text never fails.
        writeln!(
            svg,
            "<g id=\"r{number}\">{}</g>",
            drawn(row, film.ground.paper, &parts.inks)
        )
        .ok();
    }
    writeln!(
        svg,
        "</defs>\n<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n<g id=\"film\">",
        film.ground.paper.hex()
    )
    .ok();
    for (number, frame) in (0_u32..).zip(&film.frames) {
        write!(svg, "<g transform=\"translate({})\">", number * width).ok();
        for (y, row) in (0_u32..).zip(frame.picture.rows()) {
            if row
                .iter()
                .all(|cell| cell.is_blank() && cell.paper == film.ground.paper)
            {
                continue;
            }
            let part = parts.rows.get(row).copied().unwrap_or_default();
            write!(svg, "<use href=\"#r{part}\" y=\"{}\"/>", y * u32::from(CELL_HEIGHT)).ok();
        }
        svg += "</g>\n";
    }
    svg += "</g>\n</svg>\n";
    svg
}

fn style(film: &Film, width: u32, parts: &Parts<'_>) -> String {
    let mut style = String::from(
        "text{font:13px \"DejaVu Sans Mono\",ui-monospace,Menlo,Consolas,\"Liberation Mono\",monospace;white-space:pre}\n\
         path,rect{shape-rendering:crispEdges}\n.b{font-weight:bold}.u{text-decoration:underline}\n",
    );
    for (ink, number) in &parts.inks {
        // Writing to a text never fails.
        writeln!(style, ".c{number}{{fill:{}}}", ink.hex()).ok();
    }
    if film.frames.len() < 2 {
        return style;
    }
    writeln!(style, "#film{{animation:film {}ms step-end infinite}}", film.length_ms).ok();
    style += "@keyframes film{";
    for (number, frame) in (0_u32..).zip(&film.frames) {
        // Millionths of the film, so that no two frames fall together.
        let part = u128::from(frame.at_ms) * 1_000_000 / u128::from(film.length_ms.max(1));
        let (percent, rest) = (part / 10_000, part % 10_000);
        write!(
            style,
            "{percent}.{rest:04}%{{transform:translateX(-{}px)}}",
            number * width
        )
        .ok();
    }
    style += "}\n";
    style
}

/// Draws one row: what is behind, what is made of rectangles, what is text.
fn drawn(row: &[Cell], ground: Rgb, inks: &BTreeMap<Rgb, usize>) -> String {
    let mut paths: BTreeMap<(u8, usize), String> = BTreeMap::new();
    let class = |ink: Rgb| inks.get(&ink).copied().unwrap_or_default();
    let mut texts = String::new();
    let mut rest = row;
    let mut column = 0_u32;
    while let Some(first) = rest.first() {
        let shapes = pieces(first.symbol);
        let long = match &shapes {
            Some(_) => rest.iter().take_while(|cell| *cell == first).count(),
            None => run(rest, first),
        };
        let (here, after) = rest.split_at(long.clamp(1, rest.len()));
        let cells = u32::try_from(here.len()).unwrap_or(1);
        let x = column * u32::from(CELL_WIDTH);
        if first.paper != ground {
            let whole = Piece {
                x: 0,
                y: 0,
                width: CELL_WIDTH,
                height: CELL_HEIGHT,
                level: FULL,
            };
            // What is behind comes first: no ink is on the level 0.
            rectangle(paths.entry((0, class(first.paper))).or_default(), x, whole, cells);
        }
        match shapes {
            Some(shapes) => {
                for piece in shapes {
                    let path = paths.entry((piece.level, class(first.ink))).or_default();
                    rectangles(path, x, piece, cells);
                }
            }
            None => text(&mut texts, here, x, class(first.ink)),
        }
        column += cells;
        rest = after;
    }
    let mut drawn = String::new();
    for ((level, class), path) in &paths {
        let opacity = match *level {
            0 | FULL.. => String::new(),
            level => format!(" fill-opacity=\".{:02}\"", u32::from(level) * 100 / u32::from(FULL)),
        };
        // Writing to a text never fails.
        write!(drawn, "<path class=\"c{class}\"{opacity} d=\"{path}\"/>").ok();
    }
    drawn + &texts
}

/// Returns how many cells from here on are one piece of text. Blanks belong to any, as they have no ink.
fn run(cells: &[Cell], first: &Cell) -> usize {
    let belongs = |cell: &Cell| {
        let is_alike = cell.ink == first.ink && cell.bold == first.bold && cell.underlined == first.underlined;
        cell.paper == first.paper && (cell.is_blank() || (is_alike && pieces(cell.symbol).is_none()))
    };
    if first.is_blank() {
        // Blanks at the beginning are a piece of their own, and leave nothing to be drawn.
        return cells
            .iter()
            .take_while(|cell| cell.is_blank() && cell.paper == first.paper)
            .count();
    }
    cells.iter().take_while(|cell| belongs(cell)).count()
}

fn text(texts: &mut String, cells: &[Cell], x: u32, class: usize) {
    let Some(first) = cells.first() else { return };
    let used = cells
        .iter()
        .rposition(|cell| cell.symbol != ' ' || cell.underlined)
        .map_or(0, |last| last + 1);
    let written: String = cells
        .iter()
        .take(used)
        .map(|cell| cell.symbol)
        .filter(|symbol| *symbol != COVERED)
        .collect();
    if written.is_empty() {
        return;
    }
    let (bold, underlined) = (
        if first.bold { " b" } else { "" },
        if first.underlined { " u" } else { "" },
    );
    // Every font has its own width; a text of more than one cell is told how wide it is.
    let width = match u32::try_from(used) {
        Ok(cells @ 2..) => format!(" textLength=\"{}\"", cells * u32::from(CELL_WIDTH)),
        Ok(_) | Err(_) => String::new(),
    };
    // Writing to a text never fails.
    write!(
        texts,
        "<text x=\"{x}\" y=\"{BASELINE}\" class=\"c{class}{bold}{underlined}\"{width}>{}</text>",
        escaped(&written)
    )
    .ok();
}

/// Draws a piece in each of so many cells; as one rectangle where they meet.
fn rectangles(path: &mut String, x: u32, piece: Piece, cells: u32) {
    if piece.width == CELL_WIDTH {
        rectangle(path, x, piece, cells);
        return;
    }
    for number in 0..cells {
        rectangle(path, x + number * u32::from(CELL_WIDTH), piece, 1);
    }
}

fn rectangle(path: &mut String, x: u32, piece: Piece, cells: u32) {
    let width = u32::from(piece.width) * cells;
    // Writing to a text never fails.
    write!(
        path,
        "M{} {}h{width}v{}h-{width}z",
        x + u32::from(piece.x),
        piece.y,
        piece.height
    )
    .ok();
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
