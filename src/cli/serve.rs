//! Runs `serve`: speech over HTTP and gRPC.

/// Refuses, in a build that cannot serve.
#[cfg(not(feature = "server"))]
pub fn run(_: &super::Context, _: super::args::ServeArgs) -> anyhow::Result<()> {
    anyhow::bail!("this build cannot serve; one with the default features can")
}

#[cfg(feature = "server")]
pub use with_server::run;

#[cfg(feature = "server")]
mod with_server {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::Context as _;
    use chattts_rs::service::http::{self, Address, Ended, HttpOptions, Tls};
    use chattts_rs::service::{
        self, Keys, Loaded, RequestRecord, Service, ServiceOptions, TraceOptions, voices,
    };
    use chattts_rs::speech::{Composer, FileRule, Voices};
    use chattts_rs::text::Tokenizer;
    use chattts_rs::{Engine, Model};

    use super::super::args::{LogForm, ServeArgs};
    use super::super::report::Report;
    use super::super::{Context, Usage, options};

    /// The time in which the last traces are sent.
    const LAST_TRACES: Duration = Duration::from_secs(3);

    pub fn run(context: &Context, mut args: ServeArgs) -> anyhow::Result<()> {
        let mut engine = options::engine(&args.model, context);
        options::devices(&mut engine, &args.compute, &context.report)?;
        engine.batch_size = options::batch_size(&args.batch_size)?;
        args.negations.apply(&mut args.overrides);
        args.overrides.validate()?;
        let own = args.voices_file.as_deref().map(absolute).transpose()?;
        let registry = super::super::voices::registry_over(&own, args.roles.file.as_deref())?;
        let registry = voices::with_aliases(registry)?;
        if let Some(role) = &args.overrides.role {
            super::super::voices::check(role, &registry)?;
        }
        let homophones = args.homophones.table()?;
        let service = Service::new(service_options(context, &args)?);
        if let Some(options) = traces(&args, |name| std::env::var(name).ok().filter(|v| !v.is_empty()))? {
            service.send_traces(options)?;
        }
        let http_options = http_options(&args)?;
        let load = move || {
            let model = Model::open(&engine)?;
            let (file, json) = &model.checkpoint.tokenizer;
            let tokenizer = Tokenizer::from_json(json, file)?;
            let voices = Voices::new(&model.checkpoint, registry);
            let composer =
                Composer { homophones, cues: false, files: FileRule::Nothing, ..Composer::new(voices) };
            Ok(Loaded { engine: Engine::start(model, Arc::new(composer), &engine)?, tokenizer })
        };
        context.interrupt.watch();
        let stop = || context.interrupt.check().is_break();
        let ended = http::run(&service, http_options, load, &stop);
        service.flush_traces(LAST_TRACES);
        match ended? {
            Ended::Drained => Ok(()),
            Ended::CutOff(count) => {
                anyhow::bail!("{count} requests were cut off after {} s", args.grace)
            }
        }
    }

    fn http_options(args: &ServeArgs) -> anyhow::Result<HttpOptions> {
        let address = match &args.unix {
            Some(path) => Address::Unix(path.clone()),
            None => Address::Tcp(args.host.clone(), args.port),
        };
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let mut options = HttpOptions::new(address);
        options.connections = args.max_connections as usize;
        options.head_time = seconds(args.head_time);
        options.body_time = seconds(args.head_time);
        options.stall_time = seconds(args.stall_time);
        options.grace = seconds(args.grace);
        options.wyoming = args.wyoming.as_deref().map(|place| wyoming(place, &args.host)).transpose()?;
        if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
            options.tls = Some(Arc::new(Tls::open(certificate, key)?));
        }
        Ok(options)
    }

    /// Reads where Wyoming is spoken: a port of a host, or both.
    fn wyoming(place: &str, host: &str) -> Result<(String, u16), Usage> {
        if let Ok(port) = place.parse() {
            return Ok((host.into(), port));
        }
        let found = place.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match found {
            Some((host, port)) if !host.is_empty() => Ok((host.trim_matches(['[', ']']).into(), port)),
            _ => Err(Usage(format!("--wyoming {place}: expected a port, or HOST:PORT"))),
        }
    }

    fn service_options(context: &Context, args: &ServeArgs) -> anyhow::Result<ServiceOptions> {
        let report = Arc::clone(&context.report);
        let log = args.log;
        let mut options = ServiceOptions::default();
        options.queue = args.queue as usize;
        options.max_input = args.max_input as usize;
        options.time_limit = Duration::from_secs(args.time_limit.into());
        options.stall_time = Duration::from_secs(args.stall_time.into());
        options.overrides = args.overrides.clone();
        options.voices_file = args.voices_file.as_deref().map(absolute).transpose()?;
        options.voices = args.max_voices as usize;
        options.logs_text = args.log_text;
        options.observer = Some(Arc::new(move |notice: &service::Notice| tell(&report, log, notice)));
        if let Some(file) = &args.api_key_file {
            options.keys = keys(file)?;
        }
        Ok(options)
    }

    /// Returns where traces go, by the flag or by OpenTelemetry's variables.
    fn traces(
        args: &ServeArgs,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Option<TraceOptions>> {
        let whole = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
        let mut options = match (&args.otlp_endpoint, whole, base) {
            (Some(base), _, _) => TraceOptions::new(base),
            (None, Some(url), _) => {
                let mut options = TraceOptions::new("");
                options.url = url;
                options
            }
            (None, None, Some(base)) => TraceOptions::new(&base),
            (None, None, None) => return Ok(None),
        };
        if let Some(name) = variable("OTEL_SERVICE_NAME") {
            options.service = name;
        }
        const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
        for pair in variable(HEADERS).iter().flat_map(|headers| headers.split(',')) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(Usage(format!("{HEADERS}: it is NAME=VALUE,NAME=VALUE")).into());
            };
            options.headers.push((name.trim().into(), value.trim().replace("%20", " ")));
        }
        Ok(Some(options))
    }

    /// Returns a path that stays the same file wherever the service goes.
    fn absolute(file: &Path) -> anyhow::Result<PathBuf> {
        std::path::absolute(file).with_context(|| format!("--voices-file {}", file.display()))
    }

    fn keys(file: &Path) -> anyhow::Result<Keys> {
        let place = || format!("--api-key-file {}", file.display());
        let text = std::fs::read_to_string(file).with_context(place)?;
        Keys::parse(&text).map_err(|reason| Usage(format!("{}: {reason}", place())).into())
    }

    fn tell(report: &Report, log: LogForm, notice: &service::Notice) {
        match notice {
            service::Notice::Listening { address } => {
                report.note(&format!("listening at {address}, loading the model"));
            }
            service::Notice::Ready { address, seconds, slots } => {
                report.note(&format!("ready at {address} after {seconds:.1} s, {slots} texts at once"));
            }
            service::Notice::Draining { running } => {
                report.note(&format!("ending; {running} requests are still running"));
            }
            service::Notice::Refused { reason } => {
                report.warn(&format!("a connection could not be taken: {reason}"));
            }
            service::Notice::Trouble { message } => report.warn(message),
            service::Notice::Request(record) => report.note(&line(log, record)),
            _ => {}
        }
    }

    /// Returns the line that is logged for a request.
    fn line(log: LogForm, record: &RequestRecord) -> String {
        if log == LogForm::Json
            && let Ok(json) = serde_json::to_string(record)
        {
            return json;
        }
        let mut line = format!("{} {} {} from {}", record.id, record.api, record.status, record.client);
        if let Some(error) = record.error {
            line += &format!(", {error}");
        }
        if record.characters > 0 {
            line += &format!(", {} characters", record.characters);
        }
        if record.audio_seconds > 0.0 {
            line += &format!(", {:.1} s of audio", record.audio_seconds);
        }
        for (name, time) in [("waited", record.queue_ms), ("first audio", record.first_ms)] {
            if let Some(time) = time {
                line += &format!(", {name} {time:.0} ms");
            }
        }
        line += &format!(", {:.0} ms", record.total_ms);
        if let Some(trace) = &record.trace {
            line += &format!(", trace {}", trace.trace_id);
        }
        if let Some(text) = &record.text {
            line += &format!(": {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        line
    }
}
