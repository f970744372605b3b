//! Units of measure: how they are written, and what one of them is called.

/// Written forms, with spaces between them, and the name of one.
#[rustfmt::skip]
const UNITS: &[(&str, &str)] = &[
    // Length.
    ("km kms Km KM", "kilometer"),
    ("m", "meter"),
    ("dm", "decimeter"),
    ("cm cms CM", "centimeter"),
    ("mm MM", "millimeter"),
    ("µm um", "micrometer"),
    ("nm", "nanometer"),
    ("mi", "mile"),
    ("yd yds", "yard"),
    ("ft FT", "foot"),
    ("in ins", "inch"),
    ("ly", "light year"),
    ("AU", "astronomical unit"),
    ("nmi", "nautical mile"),
    // Area and volume.
    ("sqft", "square foot"),
    ("sqm", "square meter"),
    ("ha", "hectare"),
    ("ac", "acre"),
    ("l L ltr", "liter"),
    ("ml mL ML", "milliliter"),
    ("cl cL", "centiliter"),
    ("dl dL", "deciliter"),
    ("µl µL uL", "microliter"),
    ("gal gals", "gallon"),
    ("qt qts", "quart"),
    ("floz", "fluid ounce"),
    ("tsp tsps", "teaspoon"),
    ("tbsp tbsps", "tablespoon"),
    ("bbl", "barrel"),
    ("cc", "c c"),
    ("doz", "dozen"),
    // Mass.
    ("kg kgs Kg Kgs KG KGS kilo kilos", "kilogram"),
    ("g gm gms", "gram"),
    ("mg", "milligram"),
    ("µg mcg ug", "microgram"),
    ("ng", "nanogram"),
    ("t", "ton"),
    ("lb lbs LB LBS", "pound"),
    ("oz ozs OZ", "ounce"),
    // Time.
    ("h hr hrs HR HRS Hrs", "hour"),
    ("min mins MIN MINS", "minute"),
    ("s sec secs SEC SECS", "second"),
    ("ms msec", "millisecond"),
    ("µs", "microsecond"),
    ("ns", "nanosecond"),
    ("wk wks", "week"),
    ("yr yrs YRS", "year"),
    ("mo mos", "month"),
    ("yo", "year old"),
    // Speed and frequency.
    ("mph MPH", "mile per hour"),
    ("kph kmh kmph KPH", "kilometer per hour"),
    ("fps", "frame per second"),
    ("rpm RPM", "revolution per minute"),
    ("bpm BPM", "beat per minute"),
    ("mpg MPG", "mile per gallon"),
    ("kn kts", "knot"),
    ("Hz hz", "hertz"),
    ("kHz KHz khz", "kilohertz"),
    ("MHz Mhz mhz", "megahertz"),
    ("GHz Ghz ghz", "gigahertz"),
    ("THz", "terahertz"),
    // Data.
    ("kB KB kb", "kilobyte"),
    ("MB mb", "megabyte"),
    ("GB gb", "gigabyte"),
    ("TB tb", "terabyte"),
    ("PB", "petabyte"),
    ("KiB", "kibibyte"),
    ("MiB", "mebibyte"),
    ("GiB", "gibibyte"),
    ("Kb Kbit kbit", "kilobit"),
    ("Mb Mbit", "megabit"),
    ("Gb Gbit", "gigabit"),
    ("kbps Kbps KBPS", "kilobit per second"),
    ("Mbps mbps MBPS", "megabit per second"),
    ("Gbps gbps", "gigabit per second"),
    ("MBps", "megabyte per second"),
    ("px", "pixel"),
    ("MP", "megapixel"),
    ("dpi DPI", "dot per inch"),
    ("ppi PPI", "pixel per inch"),
    // Electricity, energy, pressure, sound, light.
    ("W", "watt"),
    ("kW KW kw", "kilowatt"),
    ("MW", "megawatt"),
    ("GW", "gigawatt"),
    ("mW", "milliwatt"),
    ("Wh", "watt hour"),
    ("kWh KWh kwh KWH", "kilowatt hour"),
    ("MWh", "megawatt hour"),
    ("GWh", "gigawatt hour"),
    ("TWh", "terawatt hour"),
    ("V", "volt"),
    ("kV", "kilovolt"),
    ("mV", "millivolt"),
    ("A", "amp"),
    ("mA", "milliamp"),
    ("Ah", "amp hour"),
    ("mAh mah", "milliamp hour"),
    ("Ω", "ohm"),
    ("kΩ", "kilohm"),
    ("MΩ", "megohm"),
    ("µF", "microfarad"),
    ("J", "joule"),
    ("kJ", "kilojoule"),
    ("MJ", "megajoule"),
    ("cal", "calorie"),
    ("kcal Kcal", "kilocalorie"),
    ("eV", "electron volt"),
    ("keV", "kiloelectron volt"),
    ("MeV", "megaelectron volt"),
    ("GeV", "gigaelectron volt"),
    ("hp HP bhp", "horsepower"),
    ("N", "newton"),
    ("kN", "kilonewton"),
    ("Nm", "newton meter"),
    ("lb-ft lbf-ft", "pound foot"),
    ("ft-lb ft-lbs ft-lbf", "foot pound"),
    ("Pa", "pascal"),
    ("hPa", "hectopascal"),
    ("kPa", "kilopascal"),
    ("MPa", "megapascal"),
    ("mbar", "millibar"),
    ("atm", "atmosphere"),
    ("psi PSI", "pound per square inch"),
    ("mmHg", "millimeter of mercury"),
    ("dB db", "decibel"),
    ("lm", "lumen"),
    ("mSv", "millisievert"),
    ("µSv", "microsievert"),
    ("deg", "degree"),
    ("lx", "lux"),
    ("K", "kelvin"),
    ("mol", "mole"),
    ("mmol", "millimole"),
    ("IU", "international unit"),
    // Parts.
    ("ppm PPM", "part per million"),
    ("ppb PPB", "part per billion"),
    ("pct", "percent"),
    ("pts", "point"),
    ("bps", "basis point"),
];

/// Units that are only written after a slash.
const ONLY_PER: &[(&str, &str)] = &[
    ("d", "day"),
    ("y", "year"),
    ("w", "week"),
    ("pp", "person"),
    ("gal", "gallon"),
    ("sq ft", "square foot"),
];

/// Words before a unit of length that make an area or a volume of it.
const POWERS: &[(&str, &str)] = &[("sq", "square "), ("cu", "cubic "), ("fl", "fluid ")];

/// Units in full, which a short power may stand before: sq. feet.
const AFTER_POWER: &[(&str, &str)] = &[
    ("foot feet", "foot"),
    ("inch inches", "inch"),
    ("yard yards", "yard"),
    ("mile miles", "mile"),
    ("meter meters metres", "meter"),
    ("kilometer kilometers", "kilometer"),
    ("ounce ounces", "ounce"),
];

/// Returns the name of one of a unit: `km²`, `cm3`, `sq. ft`.
pub fn name(written: &str) -> Option<String> {
    let (written, power) = match written.strip_suffix(['²', '2']) {
        Some(base) => (base, "square "),
        None => match written.strip_suffix(['³', '3']) {
            Some(base) => (base, "cubic "),
            None => (written, ""),
        },
    };
    let written = written.trim_end_matches('^');
    let before = POWERS.iter().find_map(|(short, long)| {
        let rest = written.strip_prefix(short)?.strip_prefix(['.', ' '])?;
        Some((rest.trim_start_matches([' ', '.']), *long))
    });
    let (written, power) = before.unwrap_or((written, power));
    let in_full = || look_up(AFTER_POWER, written).filter(|_| before.is_some());
    let name = look_up(UNITS, written).or_else(in_full)?;
    // A square second is none that one could see.
    if name == "second" && !power.is_empty() {
        return Some(format!("second {}", if power == "square " { "squared" } else { "cubed" }));
    }
    Some(format!("{power}{name}"))
}

/// Returns the name of a unit after a slash: $5/mo, km/h; a word in full is itself.
pub fn per(written: &str) -> Option<String> {
    if let Some(name) = look_up(ONLY_PER, written).map(str::to_string).or_else(|| name(written)) {
        return Some(name);
    }
    let word = written.len() > 2 && written.bytes().all(|b| b.is_ascii_lowercase());
    word.then(|| written.to_string())
}

fn look_up(table: &[(&'static str, &'static str)], written: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(forms, _)| forms == &written || forms.split(' ').any(|form| form == written))
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units() {
        for (written, expected) in [
            ("km", Some("kilometer")),
            ("km²", Some("square kilometer")),
            ("m2", Some("square meter")),
            ("cm³", Some("cubic centimeter")),
            ("sq ft", Some("square foot")),
            ("sq. m", Some("square meter")),
            ("sq. feet", Some("square foot")),
            ("fl oz", Some("fluid ounce")),
            ("people", None),
            ("", None),
        ] {
            assert_eq!(name(written).as_deref(), expected, "{written}");
        }
        assert_eq!(per("mo").as_deref(), Some("month"));
        assert_eq!(per("user").as_deref(), Some("user"));
        assert_eq!(per("XY"), None);
    }
}
