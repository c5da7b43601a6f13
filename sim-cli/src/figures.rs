//! The figures of the write-up, from the table the tests check:
//! `tests/incident/figures.csv`.

use serde::Deserialize;

const TABLE: &str = include_str!("../../tests/incident/figures.csv");

/// One row of the table, as far as the story needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct Figure {
    /// Stable name.
    pub id: String,
    /// What the write-up says.
    pub published: String,
}

/// All rows.
///
/// # Panics
/// When the table, which is part of the program and tested, cannot be read.
pub fn figures() -> Vec<Figure> {
    csv::Reader::from_reader(TABLE.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("figures.csv is part of the program, and its test reads it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_readable() {
        let figures = figures();
        assert!(figures.iter().any(|figure| figure.id == "connections-28231" && figure.published == "28231"));
    }
}
