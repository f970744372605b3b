
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'chattts-rs' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'chattts-rs'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'chattts-rs' {
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('synth', 'synth', [CompletionResultType]::ParameterValue, 'Speak texts into audio files')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Speak over HTTP, as OpenAI''s clients ask for it, with a page to try it')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell how far the runs are that fill an output folder, or whether a service is ready')
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Make one ledger and one report of those of an output folder''s shards')
            [CompletionResult]::new('load-test', 'load-test', [CompletionResultType]::ParameterValue, 'Put load on a running service, and say how it answers')
            [CompletionResult]::new('refine', 'refine', [CompletionResultType]::ParameterValue, 'Rewrite texts with pauses, laughs and fillers, as speech would have them')
            [CompletionResult]::new('normalize', 'normalize', [CompletionResultType]::ParameterValue, 'Show texts as they are spoken: numbers, dates, signs and abbreviations in words')
            [CompletionResult]::new('tokenize', 'tokenize', [CompletionResultType]::ParameterValue, 'Show the tokens of texts, which go to the tokenizer as they are')
            [CompletionResult]::new('decode', 'decode', [CompletionResultType]::ParameterValue, 'Turn codes into a WAV file, through the DVAE')
            [CompletionResult]::new('roles', 'roles', [CompletionResultType]::ParameterValue, 'Register, show and hear voices')
            [CompletionResult]::new('model', 'model', [CompletionResultType]::ParameterValue, 'Download, check and find the weights')
            [CompletionResult]::new('devices', 'devices', [CompletionResultType]::ParameterValue, 'List what can compute here: NVIDIA cards and the processor')
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Measure speed and memory, or how near each type of weights is to single precision')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page, or write all pages into a folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'chattts-rs;synth' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file; its extension is its format. `-` is standard output [default: named after the text]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The file; its extension is its format. `-` is standard output [default: named after the text]')
            [CompletionResult]::new('--out-dir', '--out-dir', [CompletionResultType]::ParameterName, 'A folder for a file per utterance; their paths come as they are finished')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'What files are made of [default: by the extension, else wav]')
            [CompletionResult]::new('--bits', '--bits', [CompletionResultType]::ParameterName, 'Bits of a sample [default: 16]')
            [CompletionResult]::new('--subtitles', '--subtitles', [CompletionResultType]::ParameterName, 'Write subtitles beside every file, with the times of its sentences (estimated within a piece)')
            [CompletionResult]::new('--dump', '--dump', [CompletionResultType]::ParameterName, 'Keep prompts, tokens, hidden states, mel and wave in DIR/00000.safetensors, …')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all')
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'What computes there')
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which type to compute')
            [CompletionResult]::new('--memory-fraction', '--memory-fraction', [CompletionResultType]::ParameterName, 'The share of a card''s free memory that texts worked on may take')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to compute with [default: one per core]')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that come before your own, such as one beside a project')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'The generation seed; the same seed gives the same speech. Drawn and printed if absent')
            [CompletionResult]::new('--temperature', '--temperature', [CompletionResultType]::ParameterName, 'Divides the logits: higher is livelier. One value, or one per codebook')
            [CompletionResult]::new('--top-p', '--top-p', [CompletionResultType]::ParameterName, 'Draw from the likeliest tokens that together reach this probability')
            [CompletionResult]::new('--top-k', '--top-k', [CompletionResultType]::ParameterName, 'Draw from at most so many tokens')
            [CompletionResult]::new('--repetition-penalty', '--repetition-penalty', [CompletionResultType]::ParameterName, 'Above 1, what was drawn in the last 16 steps becomes less likely')
            [CompletionResult]::new('--max-tokens', '--max-tokens', [CompletionResultType]::ParameterName, 'Stop after so many tokens; of speech, 46.875 are a second')
            [CompletionResult]::new('--min-tokens', '--min-tokens', [CompletionResultType]::ParameterName, 'Do not end before so many tokens')
            [CompletionResult]::new('--rng', '--rng', [CompletionResultType]::ParameterName, 'How a seed''s random numbers run: anew at every step, or on from step to step [default: repeat]')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'The language texts are read in [default: auto]')
            [CompletionResult]::new('--pronounce', '--pronounce', [CompletionResultType]::ParameterName, 'Your own readings: a file with a word, a tab and what is spoken for it in each line')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Who speaks: a role, a seed, a speaker string, a file, a spoken sample, a mix, or `none`')
            [CompletionResult]::new('--role-text', '--role-text', [CompletionResultType]::ParameterName, 'What the sample given as --role says, word for word')
            [CompletionResult]::new('--voice-codes', '--voice-codes', [CompletionResultType]::ParameterName, 'A sample to continue, as codes (4, n) in a safetensors file; takes --voice-text')
            [CompletionResult]::new('--voice-text', '--voice-text', [CompletionResultType]::ParameterName, 'What the sample says, word for word')
            [CompletionResult]::new('--prompt', '--prompt', [CompletionResultType]::ParameterName, 'Control tags: [oral_0-9] [laugh_0-2] [break_0-7] steer refining (and switch it on), [speed_0-9] the pace')
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'How fast it is spoken, 0.25 to 4; the pitch stays [default: 1]')
            [CompletionResult]::new('--sample-rate', '--sample-rate', [CompletionResultType]::ParameterName, 'Samples per second; the model''s own rate is 24000 [default: 24000, G.711: 8000]')
            [CompletionResult]::new('--normalize-loudness', '--normalize-loudness', [CompletionResultType]::ParameterName, 'Bring every text to this loudness, such as -16, without clipping')
            [CompletionResult]::new('--homophones', '--homophones', [CompletionResultType]::ParameterName, 'A JSON object of one-character strings: what is misread, and what to speak in its place')
            [CompletionResult]::new('--dialogue', '--dialogue', [CompletionResultType]::ParameterName, 'A conversation: a turn a line, `Anna: text`, in which every speaker has one voice')
            [CompletionResult]::new('--cast', '--cast', [CompletionResultType]::ParameterName, 'Who speaks with which voice: `anna=4099,bob=torch-f16:77`, or a TOML file')
            [CompletionResult]::new('--gap', '--gap', [CompletionResultType]::ParameterName, 'Seconds of silence between lines in one file [default: 0; of a conversation by its marks and lengths]')
            [CompletionResult]::new('--stems', '--stems', [CompletionResultType]::ParameterName, 'Write a file for each speaker there too, as long as the one of all, in which the others are silent')
            [CompletionResult]::new('--srt-input', '--srt-input', [CompletionResultType]::ParameterName, 'Subtitles (.srt, .vtt) that become speech in time: each cue begins when it is shown')
            [CompletionResult]::new('--length', '--length', [CompletionResultType]::ParameterName, 'How long the speech of --srt-input is: that of the video [default: to the end of the last cue]')
            [CompletionResult]::new('--fastest', '--fastest', [CompletionResultType]::ParameterName, 'How much faster a cue may be spoken to end in time')
            [CompletionResult]::new('--album', '--album', [CompletionResultType]::ParameterName, 'The album of --chapters [default: the book''s only heading of the first level, else the file''s name]')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Texts that are worked on together: a number, or `auto` by cores and free memory')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Names of files in --out-dir: {index}, {index:05}, {id}, {seed}, {role}, {hash}, {text}; .wav is added')
            [CompletionResult]::new('--shard', '--shard', [CompletionResultType]::ParameterName, 'Speak one of N parts of the lines, I from 0, beside other runs that speak the others into the same --out-dir')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'After SIGTERM begin no line, and give those that were begun so many seconds to end')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write what became of each line, as JSON Lines; `-` is --json')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Give audio to standard output as it is made, a second behind the model, in any format but flac')
            [CompletionResult]::new('--play', '--play', [CompletionResultType]::ParameterName, 'Play the file when it is finished')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('--voice-from-first', '--voice-from-first', [CompletionResultType]::ParameterName, 'Let every text sound like the first one: its speech is the sample that the others continue')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail a text of which a character would not be spoken, instead of warning')
            [CompletionResult]::new('--name-emoji', '--name-emoji', [CompletionResultType]::ParameterName, 'Speak emoji by their names instead of leaving them out')
            [CompletionResult]::new('--ssml', '--ssml', [CompletionResultType]::ParameterName, 'Texts are SSML: p, s, break, say-as, sub, prosody, voice; a file is one text')
            [CompletionResult]::new('--markdown', '--markdown', [CompletionResultType]::ParameterName, 'Texts are Markdown, read without its signs; a file is one text')
            [CompletionResult]::new('--refine', '--refine', [CompletionResultType]::ParameterName, 'Rewrite each text with pauses, laughs and fillers first')
            [CompletionResult]::new('--split', '--split', [CompletionResultType]::ParameterName, 'Speak texts in pieces, sentence by sentence, in one voice')
            [CompletionResult]::new('--trim', '--trim', [CompletionResultType]::ParameterName, 'Cut what is quiet at both ends; digital silence is always cut')
            [CompletionResult]::new('--no-refine', '--no-refine', [CompletionResultType]::ParameterName, 'Speak each text as it is (the default unless --prompt steers refining)')
            [CompletionResult]::new('--no-decoder', '--no-decoder', [CompletionResultType]::ParameterName, 'Make the wave from codes, through the DVAE, instead of from hidden states')
            [CompletionResult]::new('--no-normalize', '--no-normalize', [CompletionResultType]::ParameterName, 'Give the text to the tokenizer untouched')
            [CompletionResult]::new('--no-split', '--no-split', [CompletionResultType]::ParameterName, 'Speak every text in one go, however long')
            [CompletionResult]::new('--json-input', '--json-input', [CompletionResultType]::ParameterName, 'The input is a manifest: {"text", "id", "out", "role", "seed", "prompt", "speed", "refine", …}')
            [CompletionResult]::new('--allow-files', '--allow-files', [CompletionResultType]::ParameterName, 'Let manifests and SSML name voices in any file')
            [CompletionResult]::new('--chapters', '--chapters', [CompletionResultType]::ParameterName, 'Cut --file into chapters at its headings, and write a file for each, with tags and a playlist')
            [CompletionResult]::new('--resume', '--resume', [CompletionResultType]::ParameterName, 'Leave alone what an earlier run finished in --out-dir and nothing has changed since')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'With --resume, compare the checksum of every finished file too')
            [CompletionResult]::new('--prune', '--prune', [CompletionResultType]::ParameterName, 'Afterwards remove files of earlier runs in --out-dir whose lines are gone')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be done, and do nothing')
            [CompletionResult]::new('--fail-fast', '--fail-fast', [CompletionResultType]::ParameterName, 'Stop at the first line that fails')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print what became of each line, as JSON Lines, in place of paths')
            [CompletionResult]::new('--list-voices', '--list-voices', [CompletionResultType]::ParameterName, 'For whoever looks for it under this name')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;serve' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The name or address at which it listens; 0.0.0.0 or :: is every network')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The port; 0 is any that is free')
            [CompletionResult]::new('--unix', '--unix', [CompletionResultType]::ParameterName, 'A socket of this machine to listen at, in place of a port')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'A PEM file with a certificate, and those it depends on: HTTPS in place of HTTP')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'A PEM file with the private key of the certificate')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'A file of keys, one a line, of which requests need one: `Authorization: Bearer KEY`')
            [CompletionResult]::new('--wyoming', '--wyoming', [CompletionResultType]::ParameterName, 'Speak Wyoming too, Home Assistant''s protocol, at a port of the same host or at HOST:PORT')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Texts that are worked on together: a number, or `auto` by cores and free memory')
            [CompletionResult]::new('--queue', '--queue', [CompletionResultType]::ParameterName, 'Requests that may wait for their turn; others are told to come again (429)')
            [CompletionResult]::new('--max-input', '--max-input', [CompletionResultType]::ParameterName, 'Characters that a text may have')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Connections that may be open')
            [CompletionResult]::new('--time-limit', '--time-limit', [CompletionResultType]::ParameterName, 'Seconds that a request may take in all')
            [CompletionResult]::new('--stall-time', '--stall-time', [CompletionResultType]::ParameterName, 'Seconds in which a client must take some of its answer, or is left')
            [CompletionResult]::new('--head-time', '--head-time', [CompletionResultType]::ParameterName, 'Seconds in which a client must have sent the head of a request, and those for its body')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'Seconds for running requests to end in, when it is told to end')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'How a line is logged for each request')
            [CompletionResult]::new('--otlp-endpoint', '--otlp-endpoint', [CompletionResultType]::ParameterName, 'A collector to which the trace of each request goes, by OTLP over HTTP: http://127.0.0.1:4318')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all')
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'What computes there')
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which type to compute')
            [CompletionResult]::new('--memory-fraction', '--memory-fraction', [CompletionResultType]::ParameterName, 'The share of a card''s free memory that texts worked on may take')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to compute with [default: one per core]')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that come before your own, such as one beside a project')
            [CompletionResult]::new('--voices-file', '--voices-file', [CompletionResultType]::ParameterName, 'A file of roles that keeps the voices that clients make; without it they are gone when the service ends')
            [CompletionResult]::new('--max-voices', '--max-voices', [CompletionResultType]::ParameterName, 'Voices that clients may make; 0 forbids it')
            [CompletionResult]::new('--homophones', '--homophones', [CompletionResultType]::ParameterName, 'A JSON object of one-character strings: what is misread, and what to speak in its place')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'The generation seed; the same seed gives the same speech. Drawn and printed if absent')
            [CompletionResult]::new('--temperature', '--temperature', [CompletionResultType]::ParameterName, 'Divides the logits: higher is livelier. One value, or one per codebook')
            [CompletionResult]::new('--top-p', '--top-p', [CompletionResultType]::ParameterName, 'Draw from the likeliest tokens that together reach this probability')
            [CompletionResult]::new('--top-k', '--top-k', [CompletionResultType]::ParameterName, 'Draw from at most so many tokens')
            [CompletionResult]::new('--repetition-penalty', '--repetition-penalty', [CompletionResultType]::ParameterName, 'Above 1, what was drawn in the last 16 steps becomes less likely')
            [CompletionResult]::new('--max-tokens', '--max-tokens', [CompletionResultType]::ParameterName, 'Stop after so many tokens; of speech, 46.875 are a second')
            [CompletionResult]::new('--min-tokens', '--min-tokens', [CompletionResultType]::ParameterName, 'Do not end before so many tokens')
            [CompletionResult]::new('--rng', '--rng', [CompletionResultType]::ParameterName, 'How a seed''s random numbers run: anew at every step, or on from step to step [default: repeat]')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'The language texts are read in [default: auto]')
            [CompletionResult]::new('--pronounce', '--pronounce', [CompletionResultType]::ParameterName, 'Your own readings: a file with a word, a tab and what is spoken for it in each line')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'Who speaks: a role, a seed, a speaker string, a file, a spoken sample, a mix, or `none`')
            [CompletionResult]::new('--role-text', '--role-text', [CompletionResultType]::ParameterName, 'What the sample given as --role says, word for word')
            [CompletionResult]::new('--voice-codes', '--voice-codes', [CompletionResultType]::ParameterName, 'A sample to continue, as codes (4, n) in a safetensors file; takes --voice-text')
            [CompletionResult]::new('--voice-text', '--voice-text', [CompletionResultType]::ParameterName, 'What the sample says, word for word')
            [CompletionResult]::new('--prompt', '--prompt', [CompletionResultType]::ParameterName, 'Control tags: [oral_0-9] [laugh_0-2] [break_0-7] steer refining (and switch it on), [speed_0-9] the pace')
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'How fast it is spoken, 0.25 to 4; the pitch stays [default: 1]')
            [CompletionResult]::new('--sample-rate', '--sample-rate', [CompletionResultType]::ParameterName, 'Samples per second; the model''s own rate is 24000 [default: 24000, G.711: 8000]')
            [CompletionResult]::new('--normalize-loudness', '--normalize-loudness', [CompletionResultType]::ParameterName, 'Bring every text to this loudness, such as -16, without clipping')
            [CompletionResult]::new('--log-text', '--log-text', [CompletionResultType]::ParameterName, 'Log texts too; otherwise none is kept')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail a text of which a character would not be spoken, instead of warning')
            [CompletionResult]::new('--name-emoji', '--name-emoji', [CompletionResultType]::ParameterName, 'Speak emoji by their names instead of leaving them out')
            [CompletionResult]::new('--ssml', '--ssml', [CompletionResultType]::ParameterName, 'Texts are SSML: p, s, break, say-as, sub, prosody, voice; a file is one text')
            [CompletionResult]::new('--markdown', '--markdown', [CompletionResultType]::ParameterName, 'Texts are Markdown, read without its signs; a file is one text')
            [CompletionResult]::new('--refine', '--refine', [CompletionResultType]::ParameterName, 'Rewrite each text with pauses, laughs and fillers first')
            [CompletionResult]::new('--split', '--split', [CompletionResultType]::ParameterName, 'Speak texts in pieces, sentence by sentence, in one voice')
            [CompletionResult]::new('--trim', '--trim', [CompletionResultType]::ParameterName, 'Cut what is quiet at both ends; digital silence is always cut')
            [CompletionResult]::new('--no-refine', '--no-refine', [CompletionResultType]::ParameterName, 'Speak each text as it is (the default unless --prompt steers refining)')
            [CompletionResult]::new('--no-decoder', '--no-decoder', [CompletionResultType]::ParameterName, 'Make the wave from codes, through the DVAE, instead of from hidden states')
            [CompletionResult]::new('--no-normalize', '--no-normalize', [CompletionResultType]::ParameterName, 'Give the text to the tokenizer untouched')
            [CompletionResult]::new('--no-split', '--no-split', [CompletionResultType]::ParameterName, 'Speak every text in one go, however long')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;status' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;merge' {
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write what became of each line, in order, as JSON Lines')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;load-test' {
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Requests a second, whether or not those before were answered; a step each, such as 2,4,8')
            [CompletionResult]::new('--concurrency', '--concurrency', [CompletionResultType]::ParameterName, 'Requests at a time, each followed by the next, in place of --rate; a step each, such as 1,8,32')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'Seconds of each step in which requests are sent')
            [CompletionResult]::new('--requests', '--requests', [CompletionResultType]::ParameterName, 'Requests of each step, in place of --duration')
            [CompletionResult]::new('--arrivals', '--arrivals', [CompletionResultType]::ParameterName, 'How the requests of --rate come')
            [CompletionResult]::new('--clients', '--clients', [CompletionResultType]::ParameterName, 'Connections at most; a request that finds none free is late, and its latency counts that')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Seconds after which a request without an answer has failed')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'A file of texts, one a line, which are spoken in turn [default: a few sentences]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'What the answers are; only of pcm and wav is the length known by their bytes')
            [CompletionResult]::new('--fields', '--fields', [CompletionResultType]::ParameterName, 'More fields of each request, as a JSON object: {"voice": "alloy", "max_tokens": 200}')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'The seed of the first request of each step; the others count on')
            [CompletionResult]::new('--api', '--api', [CompletionResultType]::ParameterName, 'What the service speaks')
            [CompletionResult]::new('--api-key-file', '--api-key-file', [CompletionResultType]::ParameterName, 'A file of keys, of which the first is sent')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write all figures there, as JSON; `-` prints them in place of the table')
            [CompletionResult]::new('--plot', '--plot', [CompletionResultType]::ParameterName, 'Draw latency and throughput over the load there')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;refine' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all')
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'What computes there')
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which type to compute')
            [CompletionResult]::new('--memory-fraction', '--memory-fraction', [CompletionResultType]::ParameterName, 'The share of a card''s free memory that texts worked on may take')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to compute with [default: one per core]')
            [CompletionResult]::new('--prompt', '--prompt', [CompletionResultType]::ParameterName, 'Control tags: [oral_0-9] [laugh_0-2] [break_0-7]')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'The generation seed; the same seed gives the same speech. Drawn and printed if absent')
            [CompletionResult]::new('--temperature', '--temperature', [CompletionResultType]::ParameterName, 'Divides the logits: higher is livelier. One value, or one per codebook')
            [CompletionResult]::new('--top-p', '--top-p', [CompletionResultType]::ParameterName, 'Draw from the likeliest tokens that together reach this probability')
            [CompletionResult]::new('--top-k', '--top-k', [CompletionResultType]::ParameterName, 'Draw from at most so many tokens')
            [CompletionResult]::new('--repetition-penalty', '--repetition-penalty', [CompletionResultType]::ParameterName, 'Above 1, what was drawn in the last 16 steps becomes less likely')
            [CompletionResult]::new('--max-tokens', '--max-tokens', [CompletionResultType]::ParameterName, 'Stop after so many tokens; of speech, 46.875 are a second')
            [CompletionResult]::new('--min-tokens', '--min-tokens', [CompletionResultType]::ParameterName, 'Do not end before so many tokens')
            [CompletionResult]::new('--rng', '--rng', [CompletionResultType]::ParameterName, 'How a seed''s random numbers run: anew at every step, or on from step to step [default: repeat]')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'The language texts are read in [default: auto]')
            [CompletionResult]::new('--pronounce', '--pronounce', [CompletionResultType]::ParameterName, 'Your own readings: a file with a word, a tab and what is spoken for it in each line')
            [CompletionResult]::new('--homophones', '--homophones', [CompletionResultType]::ParameterName, 'A JSON object of one-character strings: what is misread, and what to speak in its place')
            [CompletionResult]::new('--dump', '--dump', [CompletionResultType]::ParameterName, 'Keep prompts and tokens in DIR/00000.safetensors, …')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail a text of which a character would not be spoken, instead of warning')
            [CompletionResult]::new('--name-emoji', '--name-emoji', [CompletionResultType]::ParameterName, 'Speak emoji by their names instead of leaving them out')
            [CompletionResult]::new('--no-normalize', '--no-normalize', [CompletionResultType]::ParameterName, 'Give the text to the tokenizer untouched')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;normalize' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('--lang', '--lang', [CompletionResultType]::ParameterName, 'The language texts are read in [default: auto]')
            [CompletionResult]::new('--pronounce', '--pronounce', [CompletionResultType]::ParameterName, 'Your own readings: a file with a word, a tab and what is spoken for it in each line')
            [CompletionResult]::new('--homophones', '--homophones', [CompletionResultType]::ParameterName, 'A JSON object of one-character strings: what is misread, and what to speak in its place')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail a text of which a character would not be spoken, instead of warning')
            [CompletionResult]::new('--name-emoji', '--name-emoji', [CompletionResultType]::ParameterName, 'Speak emoji by their names instead of leaving them out')
            [CompletionResult]::new('--ssml', '--ssml', [CompletionResultType]::ParameterName, 'Texts are SSML: p, s, break, say-as, sub, prosody, voice; a file is one text')
            [CompletionResult]::new('--markdown', '--markdown', [CompletionResultType]::ParameterName, 'Texts are Markdown, read without its signs; a file is one text')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object a text: "text", "replacements", "dropped" with why, "segments"; places in characters')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Under each text, which rule read which part, and what else the part could have been')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;tokenize' {
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'A text to work on; may be given several times')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'A file with one utterance a line, or `-` for standard input')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object a text, with "text", "ids" and "tokens"')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;decode' {
            [CompletionResult]::new('--codes', '--codes', [CompletionResultType]::ParameterName, 'A safetensors file with `codes` (4, n), values 0 to 624')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file, whose extension is its format; `-` is standard output')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The file, whose extension is its format; `-` is standard output')
            [CompletionResult]::new('--sample-rate', '--sample-rate', [CompletionResultType]::ParameterName, 'Samples per second; the model''s own rate is 24000')
            [CompletionResult]::new('--dump', '--dump', [CompletionResultType]::ParameterName, 'Keep codes, mel and wave in DIR/00000.safetensors')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all')
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'What computes there')
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which type to compute')
            [CompletionResult]::new('--memory-fraction', '--memory-fraction', [CompletionResultType]::ParameterName, 'The share of a card''s free memory that texts worked on may take')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to compute with [default: one per core]')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles' {
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Print every role: its name, what it is, where it comes from')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print all about one role, as JSON')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Register a voice: a seed, a string, a file, a mix')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a role out of the file')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Print a voice as the string that other programs read')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Register the voice in a file, or all roles of another file of roles')
            [CompletionResult]::new('clone', 'clone', [CompletionResultType]::ParameterValue, 'Register the voice of a spoken sample')
            [CompletionResult]::new('preview', 'preview', [CompletionResultType]::ParameterValue, 'Hear a role')
            [CompletionResult]::new('scan', 'scan', [CompletionResultType]::ParameterValue, 'Hear many voices, measure them, and make a page to choose from')
            [CompletionResult]::new('find', 'find', [CompletionResultType]::ParameterValue, 'Find voices of a scan: low, calm, stable, …')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'chattts-rs;roles;list' {
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object a role')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;show' {
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;add' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'A scan''s folder, in which the voice has this name; its description becomes the note')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'What a sample says, for the codes of one')
            [CompletionResult]::new('--note', '--note', [CompletionResultType]::ParameterName, 'What you want to remember about it')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('--replace', '--replace', [CompletionResultType]::ParameterName, 'Put it in the place of a role of that name')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;remove' {
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;export' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Where; standard output if absent')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Where; standard output if absent')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;import' {
            [CompletionResult]::new('--catalogue', '--catalogue', [CompletionResultType]::ParameterName, 'A CSV of a voice leaderboard: a column seed_id (or id), and any of ratings, gender, age and feature')
            [CompletionResult]::new('--top', '--top', [CompletionResultType]::ParameterName, 'With --catalogue, only the N lines that are rated best: by rank_multi, else score')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Its name [default: the file''s]')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'What a sample says, for the codes of one')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('--replace', '--replace', [CompletionResultType]::ParameterName, 'Put it in the place of a role of that name')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;clone' {
            [CompletionResult]::new('--wav', '--wav', [CompletionResultType]::ParameterName, 'The sample: WAV, FLAC or MP3, 3 to 30 seconds of one voice')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'What it says, word for word')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The role''s name, or a number from 0 to 32767')
            [CompletionResult]::new('--note', '--note', [CompletionResultType]::ParameterName, 'What you want to remember about it')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('--replace', '--replace', [CompletionResultType]::ParameterName, 'Put it in the place of a role of that name')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;preview' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file, whose extension is its format; `-` is standard output')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The file, whose extension is its format; `-` is standard output')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'What is said [default: a sentence in Chinese and one in English]')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'What is said [default: a sentence in Chinese and one in English]')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'The generation seed')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all')
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'What computes there')
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which type to compute')
            [CompletionResult]::new('--memory-fraction', '--memory-fraction', [CompletionResultType]::ParameterName, 'The share of a card''s free memory that texts worked on may take')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to compute with [default: one per core]')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;scan' {
            [CompletionResult]::new('--seeds', '--seeds', [CompletionResultType]::ParameterName, 'The seeds whose voices are heard, such as 1-500 or 2222,4099,5000-5100')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'How the seeds draw: torch-f32 as published lists mean them, torch-f16, cuda, forge, …')
            [CompletionResult]::new('--voices', '--voices', [CompletionResultType]::ParameterName, 'A folder of voices: .txt, .pt, .csv, .json, .safetensors and .npy')
            [CompletionResult]::new('--out-dir', '--out-dir', [CompletionResultType]::ParameterName, 'The folder of what is heard and found; the same command goes on where it stopped')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Sentences of your own, one a line [default: one in Chinese and one in English]')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Sentences of your own, one a line [default: one in Chinese and one in English]')
            [CompletionResult]::new('--takes', '--takes', [CompletionResultType]::ParameterName, 'How often each voice says each sentence, with another generation seed each time')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Texts that are worked on together: a number, or `auto` by cores and free memory')
            [CompletionResult]::new('--max-tokens', '--max-tokens', [CompletionResultType]::ParameterName, 'The tokens at which a sentence is cut off; 46.875 are a second')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all')
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'What computes there')
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which type to compute')
            [CompletionResult]::new('--memory-fraction', '--memory-fraction', [CompletionResultType]::ParameterName, 'The share of a card''s free memory that texts worked on may take')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to compute with [default: one per core]')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;find' {
            [CompletionResult]::new('--in', '--in', [CompletionResultType]::ParameterName, 'The folder of a scan')
            [CompletionResult]::new('--pitch', '--pitch', [CompletionResultType]::ParameterName, 'How high: low, middle, high, or in Hz: 90-130')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'How fast: slow, middle, fast, or in syllables a second: 3.5-4.5')
            [CompletionResult]::new('--manner', '--manner', [CompletionResultType]::ParameterName, 'How much the pitch moves')
            [CompletionResult]::new('--stable', '--stable', [CompletionResultType]::ParameterName, 'The least stability, 0 to 1')
            [CompletionResult]::new('--heard', '--heard', [CompletionResultType]::ParameterName, 'As what a voice of this pitch is often heard')
            [CompletionResult]::new('--most', '--most', [CompletionResultType]::ParameterName, 'Voices to show, the most stable first')
            [CompletionResult]::new('--roles', '--roles', [CompletionResultType]::ParameterName, 'A file of roles that comes before your own, and is the one that is changed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object a voice')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;roles;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Print every role: its name, what it is, where it comes from')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print all about one role, as JSON')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Register a voice: a seed, a string, a file, a mix')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a role out of the file')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Print a voice as the string that other programs read')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Register the voice in a file, or all roles of another file of roles')
            [CompletionResult]::new('clone', 'clone', [CompletionResultType]::ParameterValue, 'Register the voice of a spoken sample')
            [CompletionResult]::new('preview', 'preview', [CompletionResultType]::ParameterValue, 'Hear a role')
            [CompletionResult]::new('scan', 'scan', [CompletionResultType]::ParameterValue, 'Hear many voices, measure them, and make a page to choose from')
            [CompletionResult]::new('find', 'find', [CompletionResultType]::ParameterValue, 'Find voices of a scan: low, calm, stable, …')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'chattts-rs;roles;help;list' {
            break
        }
        'chattts-rs;roles;help;show' {
            break
        }
        'chattts-rs;roles;help;add' {
            break
        }
        'chattts-rs;roles;help;remove' {
            break
        }
        'chattts-rs;roles;help;export' {
            break
        }
        'chattts-rs;roles;help;import' {
            break
        }
        'chattts-rs;roles;help;clone' {
            break
        }
        'chattts-rs;roles;help;preview' {
            break
        }
        'chattts-rs;roles;help;scan' {
            break
        }
        'chattts-rs;roles;help;find' {
            break
        }
        'chattts-rs;roles;help;help' {
            break
        }
        'chattts-rs;model' {
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('download', 'download', [CompletionResultType]::ParameterValue, 'Download what is missing and print the folder')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Compare every file with the published checksums')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print the folder that the weights are in')
            [CompletionResult]::new('convert', 'convert', [CompletionResultType]::ParameterValue, 'Write a model as one file that a process can begin to use at once')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Write the small voice that the program carries in the published layout (38 MB)')
            [CompletionResult]::new('noise', 'noise', [CompletionResultType]::ParameterValue, 'Write random weights in the published layout, for tests and measurements')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'chattts-rs;model;download' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;model;verify' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;model;path' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;model;convert' {
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which type to keep the weights')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;model;demo' {
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;model;noise' {
            [CompletionResult]::new('--size', '--size', [CompletionResultType]::ParameterName, 'Small shapes, or those of the published model (1.2 GB)')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Other seeds give other weights; `--model noise` and `noise-full` are those of the default')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;model;help' {
            [CompletionResult]::new('download', 'download', [CompletionResultType]::ParameterValue, 'Download what is missing and print the folder')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Compare every file with the published checksums')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print the folder that the weights are in')
            [CompletionResult]::new('convert', 'convert', [CompletionResultType]::ParameterValue, 'Write a model as one file that a process can begin to use at once')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Write the small voice that the program carries in the published layout (38 MB)')
            [CompletionResult]::new('noise', 'noise', [CompletionResultType]::ParameterValue, 'Write random weights in the published layout, for tests and measurements')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'chattts-rs;model;help;download' {
            break
        }
        'chattts-rs;model;help;verify' {
            break
        }
        'chattts-rs;model;help;path' {
            break
        }
        'chattts-rs;model;help;convert' {
            break
        }
        'chattts-rs;model;help;demo' {
            break
        }
        'chattts-rs;model;help;noise' {
            break
        }
        'chattts-rs;model;help;help' {
            break
        }
        'chattts-rs;devices' {
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'With --check: what is tried, on every device that it computes on')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Run every kernel on each card beside its twin in plain Rust, and compare')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'As JSON')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;bench' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, `demo` or `noise-full`')
            [CompletionResult]::new('--model', '--model', [CompletionResultType]::ParameterName, 'A folder with the weights, a Hugging Face repository, `demo` or `noise-full`')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Where to compute: auto, cpu, cuda or cuda:N')
            [CompletionResult]::new('--backend', '--backend', [CompletionResultType]::ParameterName, 'What computes there, one measurement each, such as auto,candle')
            [CompletionResult]::new('--dtype', '--dtype', [CompletionResultType]::ParameterName, 'In which types to compute, such as f32,q8 [default: auto; with --precision those of the device]')
            [CompletionResult]::new('--memory-fraction', '--memory-fraction', [CompletionResultType]::ParameterName, 'The share of a card''s free memory that texts worked on may take')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads to compute with [default: one per core]')
            [CompletionResult]::new('--recogniser', '--recogniser', [CompletionResultType]::ParameterName, 'With --precision: count the words that a recogniser mishears in each type''s speech')
            [CompletionResult]::new('--batch-size', '--batch-size', [CompletionResultType]::ParameterName, 'Texts that are worked on together, one measurement each')
            [CompletionResult]::new('--tokens', '--tokens', [CompletionResultType]::ParameterName, 'Tokens of each line, 46.875 a second; with --precision at most so many, with --profile rounded up to eights')
            [CompletionResult]::new('--runs', '--runs', [CompletionResultType]::ParameterName, 'How often each measurement is made in a process')
            [CompletionResult]::new('--warm-up', '--warm-up', [CompletionResultType]::ParameterName, 'Runs before them that do not count')
            [CompletionResult]::new('--rounds', '--rounds', [CompletionResultType]::ParameterName, 'Processes of each measurement; the measurements take turns')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'The generation seed of the first line; the others count on from it')
            [CompletionResult]::new('--measure-since', '--measure-since', [CompletionResultType]::ParameterName, 'For the program''s own use: take one measurement; the clock, in ns, when this process was started')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use what is in the cache; never the network')
            [CompletionResult]::new('--precision', '--precision', [CompletionResultType]::ParameterName, 'Compare each type with f32 on the same inputs, in place of measuring speed')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Time a card''s steps kernel by kernel, beside what they must at least take, in place of measuring speed')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object: machine, model, options, and median, min and max of each result')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;completions' {
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;man' {
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say how long things take')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'chattts-rs;help' {
            [CompletionResult]::new('synth', 'synth', [CompletionResultType]::ParameterValue, 'Speak texts into audio files')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Speak over HTTP, as OpenAI''s clients ask for it, with a page to try it')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell how far the runs are that fill an output folder, or whether a service is ready')
            [CompletionResult]::new('merge', 'merge', [CompletionResultType]::ParameterValue, 'Make one ledger and one report of those of an output folder''s shards')
            [CompletionResult]::new('load-test', 'load-test', [CompletionResultType]::ParameterValue, 'Put load on a running service, and say how it answers')
            [CompletionResult]::new('refine', 'refine', [CompletionResultType]::ParameterValue, 'Rewrite texts with pauses, laughs and fillers, as speech would have them')
            [CompletionResult]::new('normalize', 'normalize', [CompletionResultType]::ParameterValue, 'Show texts as they are spoken: numbers, dates, signs and abbreviations in words')
            [CompletionResult]::new('tokenize', 'tokenize', [CompletionResultType]::ParameterValue, 'Show the tokens of texts, which go to the tokenizer as they are')
            [CompletionResult]::new('decode', 'decode', [CompletionResultType]::ParameterValue, 'Turn codes into a WAV file, through the DVAE')
            [CompletionResult]::new('roles', 'roles', [CompletionResultType]::ParameterValue, 'Register, show and hear voices')
            [CompletionResult]::new('model', 'model', [CompletionResultType]::ParameterValue, 'Download, check and find the weights')
            [CompletionResult]::new('devices', 'devices', [CompletionResultType]::ParameterValue, 'List what can compute here: NVIDIA cards and the processor')
            [CompletionResult]::new('bench', 'bench', [CompletionResultType]::ParameterValue, 'Measure speed and memory, or how near each type of weights is to single precision')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page, or write all pages into a folder')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'chattts-rs;help;synth' {
            break
        }
        'chattts-rs;help;serve' {
            break
        }
        'chattts-rs;help;status' {
            break
        }
        'chattts-rs;help;merge' {
            break
        }
        'chattts-rs;help;load-test' {
            break
        }
        'chattts-rs;help;refine' {
            break
        }
        'chattts-rs;help;normalize' {
            break
        }
        'chattts-rs;help;tokenize' {
            break
        }
        'chattts-rs;help;decode' {
            break
        }
        'chattts-rs;help;roles' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Print every role: its name, what it is, where it comes from')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print all about one role, as JSON')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Register a voice: a seed, a string, a file, a mix')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a role out of the file')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Print a voice as the string that other programs read')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Register the voice in a file, or all roles of another file of roles')
            [CompletionResult]::new('clone', 'clone', [CompletionResultType]::ParameterValue, 'Register the voice of a spoken sample')
            [CompletionResult]::new('preview', 'preview', [CompletionResultType]::ParameterValue, 'Hear a role')
            [CompletionResult]::new('scan', 'scan', [CompletionResultType]::ParameterValue, 'Hear many voices, measure them, and make a page to choose from')
            [CompletionResult]::new('find', 'find', [CompletionResultType]::ParameterValue, 'Find voices of a scan: low, calm, stable, …')
            break
        }
        'chattts-rs;help;roles;list' {
            break
        }
        'chattts-rs;help;roles;show' {
            break
        }
        'chattts-rs;help;roles;add' {
            break
        }
        'chattts-rs;help;roles;remove' {
            break
        }
        'chattts-rs;help;roles;export' {
            break
        }
        'chattts-rs;help;roles;import' {
            break
        }
        'chattts-rs;help;roles;clone' {
            break
        }
        'chattts-rs;help;roles;preview' {
            break
        }
        'chattts-rs;help;roles;scan' {
            break
        }
        'chattts-rs;help;roles;find' {
            break
        }
        'chattts-rs;help;model' {
            [CompletionResult]::new('download', 'download', [CompletionResultType]::ParameterValue, 'Download what is missing and print the folder')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Compare every file with the published checksums')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print the folder that the weights are in')
            [CompletionResult]::new('convert', 'convert', [CompletionResultType]::ParameterValue, 'Write a model as one file that a process can begin to use at once')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Write the small voice that the program carries in the published layout (38 MB)')
            [CompletionResult]::new('noise', 'noise', [CompletionResultType]::ParameterValue, 'Write random weights in the published layout, for tests and measurements')
            break
        }
        'chattts-rs;help;model;download' {
            break
        }
        'chattts-rs;help;model;verify' {
            break
        }
        'chattts-rs;help;model;path' {
            break
        }
        'chattts-rs;help;model;convert' {
            break
        }
        'chattts-rs;help;model;demo' {
            break
        }
        'chattts-rs;help;model;noise' {
            break
        }
        'chattts-rs;help;devices' {
            break
        }
        'chattts-rs;help;bench' {
            break
        }
        'chattts-rs;help;completions' {
            break
        }
        'chattts-rs;help;man' {
            break
        }
        'chattts-rs;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
