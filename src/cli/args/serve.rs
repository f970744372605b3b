//! Flags of `serve`.

use std::path::PathBuf;

use chattts_rs::Overrides;
use clap::{Args, ValueEnum, ValueHint};

use super::{ComputeArgs, HomophonesFlag, ModelArgs, Negations, RolesFlag};

#[derive(Args)]
pub struct ServeArgs {
    /// The name or address at which it listens; 0.0.0.0 or :: is every network
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1", help_heading = "Network")]
    pub host: String,
    /// The port; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8000, help_heading = "Network")]
    pub port: u16,
    /// A socket of this machine to listen at, in place of a port
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, conflicts_with_all = ["host", "port"],
          help_heading = "Network")]
    pub unix: Option<PathBuf>,
    /// A PEM file with a certificate, and those it depends on: HTTPS in place of HTTP
    ///
    /// It is read again when it changes.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_key", conflicts_with = "unix",
          help_heading = "Network")]
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with the private key of the certificate
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_cert", help_heading = "Network")]
    pub tls_key: Option<PathBuf>,
    /// A file of keys, one a line, of which requests need one: `Authorization: Bearer KEY`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Network")]
    pub api_key_file: Option<PathBuf>,
    /// Speak Wyoming too, Home Assistant's protocol, at a port of the same host or at HOST:PORT
    ///
    /// It is usually 10200. The protocol knows no keys, and no TLS.
    #[arg(long, value_name = "PORT|ADDRESS", conflicts_with = "api_key_file", help_heading = "Network")]
    pub wyoming: Option<String>,
    /// Texts that are worked on together: a number, or `auto` by cores and free memory
    #[arg(long, value_name = "N", default_value = "auto", help_heading = "Limits")]
    pub batch_size: String,
    /// Requests that may wait for their turn; others are told to come again (429)
    #[arg(long, value_name = "N", default_value_t = 64, help_heading = "Limits")]
    pub queue: u32,
    /// Characters that a text may have
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=10_000_000),
          help_heading = "Limits")]
    pub max_input: u32,
    /// Connections that may be open
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000),
          help_heading = "Limits", hide_short_help = true)]
    pub max_connections: u32,
    /// Seconds that a request may take in all
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=86_400),
          help_heading = "Limits", hide_short_help = true)]
    pub time_limit: u32,
    /// Seconds in which a client must take some of its answer, or is left
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400),
          help_heading = "Limits", hide_short_help = true)]
    pub stall_time: u32,
    /// Seconds in which a client must have sent the head of a request, and those for its body
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600),
          help_heading = "Limits", hide_short_help = true)]
    pub head_time: u32,
    /// Seconds for running requests to end in, when it is told to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=86_400),
          help_heading = "Limits")]
    pub grace: u32,
    /// How a line is logged for each request
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogForm::Text, help_heading = "Log")]
    pub log: LogForm,
    /// Log texts too; otherwise none is kept
    #[arg(long, help_heading = "Log")]
    pub log_text: bool,
    /// A collector to which the trace of each request goes, by OTLP over HTTP: http://127.0.0.1:4318
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help_heading = "Log")]
    pub otlp_endpoint: Option<String>,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
    #[command(flatten)]
    pub roles: RolesFlag,
    /// A file of roles that keeps the voices that clients make; without it they are gone when the service ends
    ///
    /// It is made if it does not exist, and read like every file of roles: see `roles --help`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Voice")]
    pub voices_file: Option<PathBuf>,
    /// Voices that clients may make; 0 forbids it
    #[arg(long, value_name = "N", default_value_t = 1_000, help_heading = "Limits", hide_short_help = true)]
    pub max_voices: u32,
    #[command(flatten)]
    pub homophones: HomophonesFlag,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub negations: Negations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}
