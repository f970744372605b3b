//! Words that are written in capitals, and how they are said.

use std::collections::HashSet;
use std::sync::OnceLock;

/// Holds a list of words that is asked often.
pub struct Words {
    list: &'static [&'static str],
    set: OnceLock<HashSet<&'static str>>,
}

impl Words {
    const fn new(list: &'static [&'static str]) -> Self {
        Words { list, set: OnceLock::new() }
    }

    pub fn contains(&self, word: &str) -> bool {
        self.set.get_or_init(|| self.list.iter().copied().collect()).contains(word)
    }
}

/// Initialisms that are said as words.
pub static SAID: Words = Words::new(&[
    "ABBA", "ALT", "ACID", "IELTS", "MAGA", "AIDS", "AJAX", "APEC", "APP", "ASAP", "ASCII", "ASEAN", "AWOL",
    "BASIC", "BIOS", "BRICS", "CAD", "CAPTCHA", "CMOS", "COBOL", "COVID", "DARPA", "DOS", "DRAM", "DREAM",
    "EBITDA", "ELISA", "EPCOT", "ERASMUS", "FAQ", "FEMA", "FIFA", "FOMO", "GAAP", "GIF", "GUI", "HEPA",
    "HIPAA", "IKEA", "IMAX", "INTERPOL", "JPEG", "JSON", "LAN", "LASER", "LED", "LEGO", "LIDAR", "LOL",
    "MERS", "MIDI", "MODEM", "MOSFET", "MPEG", "NAFTA", "NASA", "NASCAR", "NASDAQ", "NATO", "NIMBY", "NOAA",
    "OAUTH", "OPEC", "OSHA", "PIN", "POTUS", "PROM", "RADAR", "RAID", "RAM", "RISC", "ROM", "SARS", "SAT",
    "SCOTUS", "SCUBA", "SIM", "SLAM", "SOAP", "SONAR", "SQUID", "SRAM", "SWAT", "SWIFT", "TASER", "TED",
    "TESOL", "TOEFL", "TOEIC", "UEFA", "UNESCO", "UNICEF", "VISA", "WAN", "WASP", "WIFI", "YAML", "YOLO",
    "ZARA", "ZIP", "NIKE", "OPPO", "VIVO", "ASUS", "ACER", "SONY", "ICQ", "OK",
]);

/// Initialisms that are spelled though they could be said, and are so even among words in capitals.
pub static SPELLED: Words = Words::new(&[
    "ABC", "AC", "ADHD", "AFAIK", "AI", "AIG", "AKA", "AM", "AMA", "AMD", "AOL", "API", "APR", "ATM", "AV",
    "BA", "BBC", "BIT", "BMW", "CAE", "CAO", "CBD", "CBS", "CD", "CDC", "CEO", "CFO", "CIA", "CIO", "CNN",
    "COO", "CPI", "CPU", "CTO", "DA", "DC", "DIY", "DJ", "DNA", "DOJ", "DUI", "DVD", "EEG", "EKG", "EPA",
    "ESL", "ESPN", "ETA", "ETC", "ETF", "EU", "EV", "FAA", "FAO", "FBI", "FCC", "FDA", "FTP", "FYI", "GDP",
    "GMO", "GOP", "GPA", "GPS", "GPT", "GPU", "HBO", "HIV", "HR", "HTML", "HTTP", "HTTPS", "IBM", "ID",
    "IDE", "IEEE", "ILO", "IMF", "IMO", "INS", "IO", "IOC", "IOT", "IOU", "IPA", "IPO", "IQ", "IRA", "IRS",
    "ISBN", "ISO", "ISP", "IT", "IV", "IVF", "KFC", "KPI", "KTV", "LA", "LLC", "LLM", "LLP", "MBA", "MIT",
    "MLB", "MRI", "MTV", "MVP", "NBA", "NBC", "NFL", "NGO", "NHL", "NHS", "NLP", "NPC", "NPR", "NSA", "NYU",
    "OCR", "OED", "OS", "PC", "PDF", "PE", "PHP", "PM", "PPI", "PPT", "PR", "PRC", "PS", "QA", "QQ", "REM",
    "ROI", "RSVP", "SEO", "SMS", "SOS", "SQL", "STD", "SUV", "TBA", "TBD", "TNT", "TSA", "TTS", "TV", "UAE",
    "UAW", "UC", "UCLA", "UFC", "UFO", "UI", "UK", "UN", "UPS", "URL", "US", "USA", "USB", "USD", "USPS",
    "USSR", "UTC", "UV", "UX", "VAT", "VIP", "VOA", "VPN", "VR", "WHO", "WTO", "WWF", "YMCA", "HSBC", "ICBC",
    "AIIB", "UEFI", "AAA", "AARP", "ACLU", "NAACP", "NCAA", "NYSE", "AFL", "CIO", "PTSD", "OCD", "COPD",
    "NRA", "LGBT", "LGBTQ", "RPG", "FPS", "MMO", "MMORPG", "NPV", "EPS", "EUR", "GBP", "CNY", "RMB", "JPY",
    "SDK", "SAP",
]);

/// English words that people put into capitals, to shout or in a headline, and that are no initialisms
/// there. Longer ones need no list: from five letters on a word with vowels is said.
pub static COMMON: Words = Words::new(&[
    "A", "ABLE", "ACE", "ACT", "ADD", "AGE", "AGO", "AH", "AID", "AIM", "AIR", "ALL", "ALSO", "AN", "AND",
    "ANY", "ARE", "AREA", "ARM", "ART", "AS", "ASK", "AT", "ATE", "AWAY", "BABY", "BACK", "BAD", "BAG",
    "BALL", "BAN", "BANK", "BAR", "BASE", "BE", "BEAT", "BED", "BEEN", "BEST", "BET", "BIG", "BILL", "BLUE",
    "BOAT", "BODY", "BOOK", "BOTH", "BOX", "BOY", "BUS", "BUT", "BUY", "BY", "CALL", "CAN", "CAR", "CARD",
    "CARE", "CASE", "CASH", "CAST", "CAT", "CITY", "CLUB", "COLD", "COME", "COOL", "COST", "CUP", "CUT",
    "DAD", "DAMN", "DARK", "DATA", "DATE", "DAY", "DAYS", "DEAD", "DEAL", "DEAR", "DEEP", "DID", "DIE", "DO",
    "DOES", "DOG", "DONE", "DOOR", "DOWN", "DUE", "EACH", "EASY", "EAT", "EDIT", "ELSE", "END", "ENTER",
    "EVEN", "EVER", "EXIT", "EYE", "FACE", "FACT", "FAIL", "FALL", "FAR", "FAST", "FEW", "FILE", "FIND",
    "FINE", "FIRE", "FIT", "FIVE", "FLY", "FOOD", "FOR", "FOUR", "FREE", "FROM", "FULL", "FUN", "GAME",
    "GAS", "GET", "GIFT", "GIRL", "GIVE", "GO", "GOAL", "GOD", "GOLD", "GONE", "GOOD", "GOT", "GUN", "GUY",
    "HA", "HAD", "HALF", "HAND", "HARD", "HAS", "HATE", "HAVE", "HE", "HEAD", "HEAR", "HELL", "HELP", "HER",
    "HERE", "HEY", "HI", "HIGH", "HIM", "HIS", "HIT", "HOLD", "HOLY", "HOME", "HOPE", "HOT", "HOUR", "HOW",
    "HUGE", "HUH", "ICE", "IDEA", "IF", "IN", "INTO", "IS", "ITS", "JOB", "JOIN", "JOY", "JUST", "KEEP",
    "KEY", "KICK", "KID", "KIDS", "KILL", "KING", "KISS", "KNEW", "KNOW", "LAST", "LATE", "LAW", "LAZY",
    "LEFT", "LESS", "LET", "LIE", "LIFE", "LIKE", "LINE", "LIST", "LIVE", "LONG", "LOOK", "LOSE", "LOST",
    "LOT", "LOVE", "LOW", "LUCK", "MAD", "MADE", "MAIN", "MAKE", "MAN", "MANY", "MAX", "MAY", "ME", "MEAN",
    "MEET", "MEN", "MIX", "MOM", "MORE", "MOST", "MOVE", "MUCH", "MUST", "MY", "NAME", "NEAR", "NEED",
    "NEVER", "NEW", "NEWS", "NEXT", "NICE", "NINE", "NO", "NONE", "NOR", "NOT", "NOTE", "NOW", "ODD", "OF",
    "OFF", "OH", "OLD", "ON", "ONCE", "ONE", "ONLY", "ONTO", "OPEN", "OR", "OUR", "OUT", "OVER", "OWN",
    "PAGE", "PAID", "PAIN", "PAR", "PART", "PAST", "PAY", "PER", "PICK", "PLAN", "PLAY", "PLUS", "POOR",
    "POP", "POST", "PRO", "PULL", "PUSH", "PUT", "RACE", "RAIN", "RAN", "RATE", "READ", "REAL", "RED",
    "REST", "RICH", "RIDE", "RING", "RISE", "RISK", "ROAD", "ROCK", "ROLE", "ROOM", "RULE", "RUN", "SAD",
    "SAFE", "SAID", "SALE", "SAME", "SAVE", "SAY", "SEA", "SEE", "SEEN", "SELL", "SEND", "SENT", "SET",
    "SEX", "SHE", "SHIP", "SHOP", "SHOT", "SHOW", "SHUT", "SICK", "SIDE", "SIGN", "SIT", "SITE", "SIX",
    "SIZE", "SKY", "SLOW", "SO", "SOLD", "SOME", "SON", "SOON", "STAR", "STAY", "STEP", "STOP", "SUCH",
    "SUN", "SURE", "TAKE", "TALK", "TAX", "TEAM", "TEEN", "TELL", "TEN", "TEST", "TEXT", "THAN", "THAT",
    "THE", "THEM", "THEN", "THEY", "THIS", "TIME", "TINY", "TIP", "TO", "TOLD", "TOO", "TOOK", "TOP", "TOWN",
    "TREE", "TRUE", "TRY", "TURN", "TWO", "TYPE", "UGLY", "UH", "UM", "UP", "UPON", "USE", "USED", "USER",
    "VERY", "VIEW", "VOTE", "WAIT", "WALK", "WALL", "WANT", "WAR", "WARM", "WAS", "WAY", "WE", "WEAK",
    "WEEK", "WELL", "WENT", "WERE", "WEST", "WHAT", "WHEN", "WHY", "WIDE", "WIFE", "WILD", "WILL", "WIN",
    "WIND", "WISE", "WISH", "WITH", "WOW", "WON", "WORD", "WORK", "YEAH", "YEAR", "YES", "YET", "YOU",
    "YOUR", "ZERO", "ZONE", "ZOO", "HMM", "SHH", "PSST", "DONT", "CANT", "WONT", "EAST", "MARK", "JOHN",
    "PAUL", "MARY", "JUNE", "JULY", "TOUR", "LIES", "NOPE", "YEP", "YUP", "OOPS", "UGH", "BUG", "FIX",
    "TODO", "NULL", "NAN", "FORM", "ITEM", "LOAD", "STORE", "LANE", "LINK", "MENU", "PARK", "HALL",
]);

/// Words with capitals inside that are said as they are written.
pub const MIXED: &[&str] = &["LaTeX", "TeX", "WiFi", "SQLite", "GIMP", "LLaMA", "LLaVA"];
