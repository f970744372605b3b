//! Whole sentences, in which rules of several kinds meet.

use crate::text::normalize::latin::testing::{check, english};

#[test]
fn sentences_are_read() {
    check(
        english,
        &[
            ("Type O- blood", "Type O negative blood"),
            ("an A- student", "an A minus student"),
            ("blood type AB+", "blood type A B positive"),
            ("type A+ or B+", "type A positive or B plus"),
            ("a pH of 7.4", "a P H of seven point four"),
            ("Eq. (3) shows", "equation, three, shows"),
            ("Gov. Smith Jr.'s plan", "governor Smith juniors plan"),
            ("the mid-'90s", "the mid nineties"),
            ("350 lb-ft", "three hundred and fifty pound feet"),
            ("Bldg. 7, Fl. 3", "building seven, floor three"),
            (
                "On Jan. 5, 2024, at 8:00 a.m. EST, Dr. Smith of 123 Main St., Austin, TX 78701 called 1-800-555-1234.",
                "On january fifth, twenty twenty four, at eight a m E S T, doctor Smith of one twenty three Main street, Austin, texas seven eight seven o one called one, eight hundred, five five five, one two three four.",
            ),
            ("Mr. Lee vs. Ms. Park, etc.", "mister Lee versus miss Park, et cetera."),
            (
                "The U.S. economy grew 2.5% in Q3 2023, i.e. from July 1 to Sept. 30.",
                "The U S economy grew two point five percent in Q three twenty twenty three, that is from july first to september thirtieth.",
            ),
            (
                "World War II (1939–1945) ended in Sept. 1945.",
                "World War two, nineteen thirty nine to nineteen forty five, ended in september nineteen forty five.",
            ),
            (
                "Contact: jane_doe@my-site.co.uk or visit https://my-site.co.uk/docs/v2.0/index.html#top.",
                "Contact, jane underscore doe at my dash site dot co dot U K or visit H T T P S colon slash slash my dash site dot co dot U K slash docs slash v two dot zero slash index dot H T M L hash top.",
            ),
            (
                "He was born on the 4th of July, 1776, in Philadelphia, PA.",
                "He was born on the fourth of july seventeen seventy six, in Philadelphia, pennsylvania.",
            ),
            ("King Charles III met Pope Francis.", "King Charles the third met Pope Francis."),
            (
                "Elizabeth II's reign lasted from 1952 to 2022.",
                "Elizabeth the seconds reign lasted from nineteen fifty two to twenty twenty two.",
            ),
            (
                "Call (212) 555-0100 ext. 42 or text +1-212-555-0199.",
                "Call two one two, five five five, o one o o, extension four two or text plus one, two one two, five five five, o one nine nine.",
            ),
            (
                "Open Mon.-Fri. 9 a.m.-5 p.m. & Sat. 10-2.",
                "Open monday to friday nine a m to five p m and saturday ten to two.",
            ),
            (
                "See Fig. 3 on pp. 45-47 of Vol. II.",
                "See figure three on pages forty five to forty seven of volume two.",
            ),
            (
                "The FBI, CIA, and NSA are U.S. agencies; NASA isn't one of them.",
                "The F B I, C I A, and N S A are U S agencies, NASA isnt one of them.",
            ),
            (
                "I'm 6 ft. tall, weigh 180 lbs. and live on 5th Ave.",
                "Im six feet tall, weigh one hundred and eighty pounds and live on fifth avenue.",
            ),
            (
                "BREAKING NEWS: THE PRESIDENT OF THE USA SIGNED A DEAL WITH NATO",
                "BREAKING NEWS, THE PRESIDENT OF THE U S A SIGNED A DEAL WITH NATO",
            ),
            ("St. Patrick's Day is March 17th.", "saint Patricks Day is march seventeenth."),
            (
                "Take I-95 to Exit 12, then go 3 mi. west on Route 66.",
                "Take I ninety five to Exit twelve, then go three miles west on Route sixty six.",
            ),
            (
                "The 1990s, the '80s, and the year 2000.",
                "The nineteen nineties, the eighties, and the year two thousand.",
            ),
            ("I read chapters 5-10, i.e., half of it.", "I read chapters five to ten, that is, half of it."),
            (
                "He's the CEO @ Acme Corp. He earns $5M/yr.",
                "Hes the C E O at Acme corporation. He earns five million dollars per year.",
            ),
            (
                "Prof. J. R. Smith, Ph.D., teaches A.I. at M.I.T.",
                "professor J R Smith, P H D, teaches A I at M I T.",
            ),
            (
                "Wed, 24 Jan 2018 12:00:00 GMT",
                "wednesday, the twenty fourth of january twenty eighteen twelve hours zero minutes and zero seconds G M T",
            ),
            (
                "my SSN is 111-22-3333, card no. 4111-1111-1111-1111",
                "my S S N is one one one, two two, three three three three, card number four one one one, one one one one, one one one one, one one one one",
            ),
            (
                "It costs 10-15 USD; see a/b and 50/50",
                "It costs ten to fifteen U S dollars, see a b and fifty fifty",
            ),
            (
                "email me at test.user+tag@sub.example.com!",
                "email me at test dot user plus tag at sub dot example dot com.",
            ),
            ("The score was 3-2 in the 90th min.", "The score was three to two in the ninetieth minute."),
            ("H1N1 and COVID-19, H2O and CO2", "H one N one and COVID nineteen, H two O and C O two"),
            (
                "We are at war. No. 5 is alive. No, it is not.",
                "We are at war. number five is alive. No, it is not.",
            ),
            (
                "The min. is 3, the max. is 10 min. from here.",
                "The minimum is three, the maximum is ten minutes from here.",
            ),
            ("Is it OK? I AM SO HAPPY! LOL.", "Is it OK. I AM SO HAPPY. LOL."),
            ("What the F? Go to gate B. Then run.", "What the F. Go to gate B. Then run."),
            ("He got a D in math. She said I. Then left.", "He got a D in math. She said I. Then left."),
            (
                "Put it in the fig tree. The art is good. Sec is a unit.",
                "Put it in the fig tree. The art is good. Sec is a unit.",
            ),
            ("Mrs. Smith said \"Hello.\" Then she left.", "misses Smith said, Hello. Then she left."),
            (
                "Check foo.bar() in main.rs or script.sh; see ~/.bashrc.",
                "Check foo dot bar, in main dot R S or script dot S H, see tilde slash dot bashrc.",
            ),
            (
                "My e-mail is bob@x.com. Hers is amy@y.org!",
                "My email is bob at x dot com. Hers is amy at y dot org.",
            ),
            (
                "Follow @realDonaldTrump and #MAGA #StopTheSteal.",
                "Follow at real Donald Trump and hashtag MAGA hashtag Stop The Steal.",
            ),
            ("B.C. is a province. P.S. I love you.", "B C is a province. P S. I love you."),
            ("J.P. Morgan & Co.", "J P Morgan and company."),
            (
                "Sun. or Mon. is fine. May I go in May? March on in March.",
                "sunday or monday is fine. May I go in May. March on in March.",
            ),
            ("the IRS, the EPA and the DOJ", "the I R S, the E P A and the D O J"),
            ("CHAPTER I. THE BEGINNING", "CHAPTER one. THE BEGINNING"),
            ("ACT III SCENE II", "ACT three SCENE two"),
            ("TO WHOM IT MAY CONCERN", "TO WHOM IT MAY CONCERN"),
            ("WARNING: DO NOT TOUCH", "WARNING, DO NOT TOUCH"),
            ("DVDs, CDs, TVs, PCs, IDs, URLs", "D V Ds, C Ds, T Vs, P Cs, I Ds, U R Ls"),
            ("an SUV, an ATM, an X-ray, an MRI", "an S U V, an A T M, an X ray, an M R I"),
            (
                "YouTuber, TikTok, LinkedIn, PayPal, eBay, DuckDuckGo",
                "YouTuber, TikTok, LinkedIn, PayPal, eBay, DuckDuckGo",
            ),
            ("Lt. Gov. Smith; Maj. Gen. Lee", "lieutenant governor Smith, major general Lee"),
            (
                "c/o John Doe, 12 Elm Ct., Apt. 3, Reno, NV 89501, USA",
                "care of John Doe, twelve Elm court, apartment three, Reno, nevada eight nine five o one, U S A",
            ),
            ("Fax: 415.555.2671", "Fax, four one five, five five five, two six seven one"),
            ("Monday, Jan. 1st, 2024 @ 12:00AM", "Monday, january first, twenty twenty four at twelve a m"),
            (
                "20-30 people, 1,000-2,000 words",
                "twenty to thirty people, one thousand to two thousand words",
            ),
            (
                "The train leaves at 6:05 a.m. and arrives at 7:50 p.m.",
                "The train leaves at six o five a m and arrives at seven fifty p m.",
            ),
            ("Easter Sunday, 4/4/2021", "Easter Sunday, april fourth, twenty twenty one"),
            ("2:00 PM - 3:00 PM", "two p m to three p m"),
            ("phone: 617-555-1234.", "phone, six one seven, five five five, one two three four."),
            ("user_name123@gmail.com", "user underscore name one two three at gmail dot com"),
            (
                "https://en.wikipedia.org/wiki/Text-to-speech",
                "H T T P S colon slash slash en dot wikipedia dot org slash wiki slash Text dash to dash speech",
            ),
            ("Pres. Obama met Gov't staff.", "president Obama met Govt staff."),
            (
                "350 Fifth Ave, New York, NY 10118",
                "three fifty Fifth avenue, New York, new york one o one one eight",
            ),
            (
                "1600 Amphitheatre Pkwy, Mountain View, CA",
                "sixteen hundred Amphitheatre parkway, Mountain View, california",
            ),
            ("Go to 221 B Baker St., London", "Go to two twenty one B Baker street, London"),
            ("800 B.C. to 300 A.D.", "eight hundred B C to three hundred A D."),
            ("Book I, Chapter II", "Book one, Chapter two"),
            ("stage IV cancer and a Phase II trial", "stage four cancer and a Phase two trial"),
        ],
    );
}
