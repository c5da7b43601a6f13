//! Pictures as PNG, from the very SVG that is written otherwise. Built with the
//! feature `png` only: a rasteriser is more code than all the rest of the program.

use halfclose::say;
use halfclose::text::Lang;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use ttf_parser::Face;

use crate::exit::Failure;
use crate::message::Say;

/// The letters of our pictures, so that they look the same wherever they are
/// drawn; `fonts/README.md` says whence and how.
const FONTS: [&[u8]; 3] = [
    include_bytes!("../fonts/DejaVuSans.subset.ttf"),
    include_bytes!("../fonts/DejaVuSans-Bold.subset.ttf"),
    include_bytes!("../fonts/NotoSansCJKsc.subset.otf"),
];
/// Pixels for each of the picture's: sharp on the screens of today.
const SCALE: f32 = 2.0;

/// Draws an SVG of ours as PNG.
///
/// # Errors
/// Usage, with the rasteriser's reason.
pub fn png(svg: &str, lang: Lang) -> Result<Vec<u8>, Failure> {
    let failed = |why: &dyn std::fmt::Display| Failure::Usage(say!(lang, Say::CannotRasterise, why));
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    for font in FONTS {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("DejaVu Sans");
    // A title of the reader's own may hold letters ours do not.
    if missing(svg).next().is_some() {
        fonts.load_system_fonts();
    }
    // Ours first: of a list, the rasteriser takes the first family there is, and has no bold of Noto.
    let svg = svg.replace("font-family:Helvetica,", "font-family:'DejaVu Sans',");
    let tree = Tree::from_str(&svg, &options).map_err(|error| failed(&error))?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| failed(&"0 x 0"))?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| failed(&"0 x 0"))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(&error))
}

/// Letters that none of our fonts has.
fn missing(text: &str) -> impl Iterator<Item = char> {
    let faces: Vec<Face<'_>> = FONTS.iter().filter_map(|font| Face::parse(font, 0).ok()).collect();
    let has = move |c: char| c.is_control() || faces.iter().any(|face| face.glyph_index(c).is_some());
    text.chars().filter(move |&c| !has(c)).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use halfclose::capacity::sweep::SweepWord;
    use halfclose::observe::CauseText;
    use halfclose::observe::charts::ChartText;
    use halfclose::plot::{GraphWord, PortMapWord, SequenceWord};
    use halfclose::scenario::preset;
    use halfclose::tcp::graph::TRANSITIONS;
    use halfclose::text::Both;

    use super::*;

    #[test]
    fn every_word_has_its_letters() {
        let mut words: Vec<Both> = ChartText::ALL.iter().map(|word| word.texts()).collect();
        words.extend(CauseText::ALL.iter().map(|word| word.texts()));
        words.extend(SweepWord::ALL.iter().map(|word| word.texts()));
        words.extend(GraphWord::ALL.iter().map(|word| word.texts()));
        words.extend(PortMapWord::ALL.iter().map(|word| word.texts()));
        words.extend(SequenceWord::ALL.iter().map(|word| word.texts()));
        words.extend(TRANSITIONS.iter().flat_map(|edge| [edge.event, edge.action]));
        let mut text: String = words.iter().map(|both| format!("{}{}", both.en, both.zh)).collect();
        for preset in preset::ALL {
            text.push_str(&preset.scenario().title_zh);
        }
        let missing: String = missing(&text).collect();
        assert!(missing.is_empty(), "the fonts lack {missing}");
    }

    #[test]
    fn a_picture_has_twice_the_pixels_and_its_words() {
        let svg = |word: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"90\" height=\"20\"><rect width=\"90\" \
                 height=\"20\" fill=\"#fff\"/><text x=\"5\" y=\"15\" font-family=\"sans-serif\">{word}</text></svg>"
            )
        };
        let bytes = png(&svg("端口 ports"), Lang::En).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"));
        // Width and height stand at the beginning of IHDR.
        assert_eq!((&bytes[16..20], &bytes[20..24]), (&[0, 0, 0, 180][..], &[0, 0, 0, 40][..]));
        assert_ne!(bytes, png(&svg(""), Lang::En).unwrap(), "the words are drawn");
        assert_eq!(bytes, png(&svg("端口 ports"), Lang::En).unwrap());
        assert!(png("<svg", Lang::En).is_err());
    }
}
