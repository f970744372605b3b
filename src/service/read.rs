//! How texts are read, without speaking them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{NormalizeJob, Refusal, RefusalKind, Service, Ticket};
use crate::speech::{Reading, ReadingRecord, check, misspelt, read};

impl Service {
    /// Returns how a text is read: the record of `normalize --json`, and warnings beside it.
    ///
    /// # Errors
    /// A refusal of the text.
    pub async fn normalize(self: &Arc<Self>, job: NormalizeJob, ticket: &Ticket) -> Result<Value, Refusal> {
        self.loaded()?;
        ticket.record().characters = job.input.chars().count();
        let service = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || service.reading(&job));
        reading.await.map_err(|_| Refusal::new(RefusalKind::Internal, "reading the text failed"))?
    }

    fn reading(&self, job: &NormalizeJob) -> Result<Value, Refusal> {
        let homophones = self.loaded()?.engine.composer().homophones.as_ref();
        let reading = Reading::of(&job.overrides);
        let spoken = read(&job.input, reading, homophones)?;
        let unspoken = check(&job.input, &spoken, reading.strict)?;
        let warnings = unspoken.into_iter().chain(misspelt(&job.input)).map(|warning| warning.message);
        let warnings: Vec<String> = warnings.collect();
        let record = serde_json::to_value(ReadingRecord::new("input", &job.input, &spoken));
        let mut record = record.map_err(|e| Refusal::new(RefusalKind::Internal, e.to_string()))?;
        record["warnings"] = json!(warnings);
        Ok(record)
    }
}
