//! What `--help` and the manual say beside the flags: examples before them, and behind them what one looks up.

pub const PROGRAM: &str = "\
Examples:
  chattts-rs \"Hello there.\" --model demo         speaks into Hello-there.wav
  chattts-rs synth --file lesson.txt -o lesson.flac
  chattts-rs synth --help                        everything about speaking";

pub const SYNTH: &str = "\
Examples:
  chattts-rs synth \"Hello there.\" --model demo   into Hello-there.wav
  chattts-rs synth -t \"你好。\" -o a.flac          the extension is the format
  chattts-rs synth -f lesson.txt -o lesson.wav   all lines in one file
  chattts-rs synth -f lesson.txt --out-dir menu  a file per line
  chattts-rs synth -f menu.csv --out-dir menu --name '{id}' --resume
  chattts-rs synth -t \"Hello.\" --role 4099 --speed 1.2 --seed 42 -o a.mp3
  chattts-rs synth --dialogue talk.txt -o a.mp3  of lines such as `Anna: Hello.`
  chattts-rs synth -t \"Hello.\" --stream --format raw | aplay -f S16_LE -r 24000";

pub const SYNTH_MORE: &str = "\
Texts:
  Flags, arguments, a file or a pipe; one utterance a line. Blank lines are
  skipped, a line that fails does not stop the others. Above about 30 s of
  speech a text is spoken in pieces with one voice, unless --no-split.

Files:
  They appear whole or not at all; their paths come on standard output. A
  line's file is the same to the byte whatever its neighbours, its place, the
  batch size and the number of threads.

Seeds:
  The same seed gives the same speech; with --dtype f32 token for token that of
  the Python program's manual_seed on a CPU. A seed that ends at its first token
  is followed by the next. --rng stream lets a seed's random numbers run on from
  step to step, as after torch.manual_seed.

Many lines:
  Lines are worked on together, as many as --batch-size says; one that ends
  makes room for the next at once. A manifest gives every line its own name,
  voice and seed:

    {\"id\": \"welcome\", \"text\": \"欢迎致电。\", \"temperature\": 0.2}
    {\"id\": \"hold\", \"text\": \"Please hold the line.\", \"speed\": 1.25, \"seed\": 7}

  --resume leaves alone what an earlier run finished and nothing has changed
  since (text, voice, parameters, model), so the same command in a crontab costs
  milliseconds while nothing changes, and completes a run that was killed. With
  it the seed is 0 unless you give one. --prune removes files whose lines are
  gone, --dry-run only says what would be done, --fail-fast stops at the first
  failure, --report and --json say per line what became of it. Two runs do not
  share an output folder: the second one is refused. What is finished is kept in
  DIR/.chattts-rs. A folder that every user may write is refused. Manifests and
  SSML name voices in files of their own folder alone, unless --allow-files.

Conversations, subtitles, books:
  --dialogue takes a turn a line, each speaker with a voice of the cast, a role
  of that name, or one that is drawn once and printed:

    synth --dialogue talk.txt --cast anna=4099,bob=torch-f16:77 -o talk.mp3
    synth --dialogue talk.md --cast cast.toml -o talk.wav --stems stems
    synth --dialogue talk.txt --out-dir turns --resume

  Between turns is silence by the mark at the end of a turn and by its length,
  or --gap seconds. Subtitles and reports name who speaks. --srt-input speaks
  subtitles at their times, into a file as long as the video:

    synth --srt-input film.srt --length 01:32:10 -o film.flac --report film.jsonl

  What is too long is spoken faster, up to --fastest, and what still runs into
  the next cue is mixed with it and reported as `overlapping`. --chapters makes a
  file of each chapter, with tags and a playlist:

    synth --chapters -f book.md --out-dir book --format opus --role 4099 --resume

SSML:
  With --ssml: speak, p, s, break, say-as, sub, prosody rate, voice. A voice's
  name is whatever --role takes; anything else is an error that says where it
  stands.

Devices:
  --device auto        the first card that can be used, else the processor
  --device cuda:1      that card or none: what the driver says is the error
  --device cuda:0,1    a model on each (cuda:all: on all), all lines in one
                       queue, from which a faster card takes more; the lines of
                       a card that fails go to the others
  --dtype q8           weights in 8 bits, which is what a processor gets unless
                       you say otherwise; f32 is a third of the speed, and the
                       Python program's tokens; f16, bf16 and f16-kv8 (keys and
                       values in 8 bits) are for cards

Exit codes:
  0 done, 1 something failed (or in --out-dir was cut off by --max-tokens), 2
  wrong usage, 75 the same may go well later or on another machine (a card or
  storage was lost, a disk is full, another run holds the folder, the network
  failed), 129 hung up, 130 interrupted, 143 terminated

Many machines:
  synth --model demo -f lines.jsonl --out-dir DIR --resume --shard auto
    as a task of a Slurm array; JOB_COMPLETION_INDEX and AWS's are known, too
  seq 0 7 | parallel chattts-rs synth -f lines.jsonl --out-dir DIR --shard {}/8
    with GNU parallel; each shard has its own lock, ledger and report, so DIR may
    lie on one file system of all machines. A task that is started again with
    --resume goes on, with another N too, and an N may be another one's beside it
  synth --model demo -f s3://BUCKET/lines.jsonl --out-dir s3://BUCKET/PREFIX --resume
    in builds with the feature `object-store`; gs:// and az:// as well. --file,
    --out-dir, --report, `status` and `merge` take such addresses. Credentials are
    those of the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …). The lock of
    a run that died is free after a minute";

pub const STATUS: &str = "\
For each shard of `synth --shard` and for all of them: lines, files that are
done, lines that failed and that are missing, seconds of audio, and the seconds
that devices worked for it (two devices for a second are two). The exit code is
0 if every line has its file, else 1. A folder without shards has its finished
files alone to tell of.

Of a service, whether it takes requests (/health/ready); the exit code is 0 if
it does, else 1. Containers ask by it, in which there is no shell.";

pub const SERVE: &str = "\
Examples:
  chattts-rs serve --model demo
  curl http://127.0.0.1:8000/v1/audio/speech -H 'Content-Type: application/json' \\
    -d '{\"input\": \"Hello there.\", \"voice\": \"alloy\", \"response_format\": \"wav\"}' -o hello.wav
  chattts-rs serve --host 0.0.0.0 --api-key-file keys.txt --log json";

pub const LOAD_TEST: &str = "\
Examples:
  chattts-rs load-test http://127.0.0.1:8000 --rate 2,4,8 --plot load.svg
  chattts-rs load-test http://127.0.0.1:8000 --concurrency 1,8,32 --json load.json";

pub const LOAD_TEST_MORE: &str = "\
Load:
  With --rate requests come at their times whatever becomes of those before them,
  as those of many people do, and latency counts from the time at which a request
  was to be sent. With --concurrency each client waits for its answer, as a batch
  does. A text and a seed are the same in each step and each run.

Figures:
  QPS and audio count what was answered, from the first request to the last end.
  RTF is the time from sending to the end, divided by the length of the audio.
  Queue, slots and cards are what /metrics tells, once a second.

Exit codes:
  0 all were answered or refused (429, 503), 1 some failed, 2 wrong usage, 130
  interrupted";

pub const SERVE_MORE: &str = "\
It takes a build with the feature `server`: cargo build --release --features
server. What is at an address:
  /                        a page to try it, which needs no network but this
  /v1/audio/speech         speech, as OpenAI's clients ask for it
  /v1/audio/speech/batch   many texts: JSON Lines in, a file a line out
  /v1/audio/speech/stream  WebSocket: text in pieces in, audio out at once
  /v1/audio/normalize      how a text is read, as `normalize --json` tells it
  /v1/audio/voices         the voices that have names, and new ones
  /v1/models               the names of the one model: tts-1, tts-1-hd,
                           gpt-4o-mini-tts and chattts
  /health/live, /health/ready
                           ready is 503 while the model loads or the service ends
  /metrics                 for Prometheus
  /openapi.json            all of this, exactly

Speech:
  Beside OpenAI's fields a request may have those that a line of a manifest has
  (see `synth --help`): seed, temperature, prompt, ssml, sample_rate and so on.
  What a request does not say, the flags say. The same request with the same seed
  gives the bytes of `synth`; a seed that is drawn is told in the header X-Seed.
  `instructions` are taken and not followed: the model knows none. With
  stream_format sse (or stream true) the audio comes in events.

Batches:
  Each line is a speech request with an id of its own (custom_id). They are
  spoken in bulk: who listens goes first, and a wrong line costs the others
  nothing. The parts come as they are made; `Accept: application/zip` makes an
  archive of them.

    curl http://127.0.0.1:8000/v1/audio/speech/batch --data-binary @lines.jsonl \\
      -H 'Content-Type: application/jsonl' -H 'Accept: application/zip' -o all.zip

gRPC:
  The same port speaks gRPC (HTTP/2 in clear text, by prior knowledge):
  chattts.v1.TextToSpeech has Synthesize, SynthesizeStream, SynthesizeDialog (text
  comes in pieces, and each sentence is spoken when it is complete), ListVoices
  and Normalize; nvidia.riva.tts.RivaSpeechSynthesis is for Riva's clients; there
  are grpc.health.v1 and reflection, by which grpcurl finds all of it. A request
  has the fields of HTTP and gets the same bytes. A deadline shortens
  --time-limit; a key is the metadata `authorization: Bearer KEY`.

Voices:
  A name that is registered (see `roles --help`), one that OpenAI's clients know
  (alloy, nova, …), a seed, a speaker string or a mix. A request cannot name a
  file; --role can. Clients may make voices of spoken samples, as `roles clone`
  does, and delete those; --voices-file keeps them:

    curl http://127.0.0.1:8000/v1/audio/voices -F name=anna -F audio_sample=@anna.wav \\
      -F text='What she says in it, word for word.'

Limits:
  As many requests are worked on as --batch-size says; of those that wait, each
  client's in turn: the holder of a key, else an address. A request whose client
  goes away ends, and its slot is free with the next step. A client that takes
  no byte of its answer for --stall-time seconds is left.

Traces:
  With --otlp-endpoint each request is a trace of its stages: queue, prefill,
  decode, render and encode. It goes on with the client's, if there is a header
  traceparent, and the log tells its id. What the collector does not take in
  time is dropped, and counted in chattts_spans_dropped_total. Without the flag
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT are read;
  OTEL_EXPORTER_OTLP_HEADERS and OTEL_SERVICE_NAME in any case.

Ending:
  At SIGTERM or an interrupt, new requests are refused, those that are running
  or wait end within --grace seconds, and the exit code is 0; 1 if some were cut
  off. A second signal ends it at once.

Keys:
  They guard what begins with /v1, and speech over gRPC. Without a key file everybody who reaches the
  address may speak, which is why it is only this machine unless you say --host.
  Where the network is not yours, give it a certificate too: --tls-cert and
  --tls-key. Both files are read again when they change.";

pub const REFINE: &str = "\
It prints the text as the model would say it, with [uv_break], [lbreak] and
[laugh] in it. --prompt steers it: [oral_0-9] how freely, [laugh_0-2] and
[break_0-7] how often; the brackets may be left out:

  chattts-rs refine --text \"我们讲一讲语音合成。\" --prompt oral_2 --seed 42";

pub const NORMALIZE: &str = "\
The model knows Han characters, Latin letters and four marks; the Python program
deletes all else, digits among it. Here numbers, dates, times, money, units,
telephone numbers, abbreviations, addresses and signs are read as a native
reader says them, in Chinese and English sentence by sentence, every mark
becomes the pause it means, and what cannot be spoken is reported. Sentences of
words, commas and full stops come out as they are.

  chattts-rs normalize \"总价是123.5元，比2023年涨了12%。\"
  总价是一百二十三点五元，比二零二三年涨了百分之十二。
  chattts-rs normalize \"Dr. Smith paid \\$5.20 at 8:05 pm.\"
  doctor Smith paid five dollars twenty cents at eight o five p m.

--json prints a record with every replacement, every dropped character, where
and why. --explain names the rule that read each part, for a report of a wrong
reading. --homophones speaks other characters in place of misread ones.";

pub const ROLES: &str = "\
A voice, as --role takes it:
  anna, 7                  a role you registered; a number that is no role is a
                           seed
  2222, torch-f32:2222     the voice that published voice lists mean by a seed,
                           and what PyTorch 2.12 and newer draws
  torch-f16:2222           what the Python package draws on a CPU with PyTorch
                           up to 2.11
  cuda:2222                what it draws on an NVIDIA card
  forge:2222, forge-f32:2222, forge-cuda:2222
                           what Speech-AI-Forge draws, by device
  蘁淰…                    a speaker string, the same voice everywhere
  anna.txt, .pt, .csv, .json, .safetensors, .npy
                           a file with a string or 768 numbers; a .pt is read,
                           never executed
  anna.wav, .flac, .mp3    with --role-text: a spoken sample, 3 to 30 seconds,
                           and what it says, word for word
  mix:anna*0.7+4099*0.3    a weighted sum
  none                     left to the model

One seed is several voices in the wild, because PyTorch drew its random numbers
differently over time and devices; if a seed does not sound as it did where you
found it, try the other kinds.

You have                                      Do
  a seed from a voice list or the leaderboard  --role 4099
  a seed from your own Python runs             --role torch-f16:4099 (CPU) or
                                               cuda:4099 (GPU), by where you ran it
  the WebUI's speaker text, or a string in     roles import speaker.txt --name anna,
  a chat                                       or give it as --role
  ChatTTS-ui's or a leaderboard's .csv, .pt    roles import seed_4099.pt --name anna
  a Speech-AI-Forge seed or .spkv1.json        --role forge:4099;
                                               roles import anna.spkv1.json
  a recording                                  roles clone --wav anna.wav
                                               --text \"…\" --name anna
  a leaderboard's table                        roles import --catalogue board.csv
  an idea of a voice and no more               roles scan --seeds 1-500
                                               --out-dir scan

Roles are kept in chattts-rs/roles.toml in your config folder; --roles FILE puts
a project's own file before it. `roles export` prints the string that the Python
program and its WebUI read. To add a role that is there already, the same in
everything, changes nothing; another one of its name takes --replace.";

pub const SCAN: &str = "\
Each voice says each sentence several times, with another generation seed each
time, through the engine that speaks all else; what failed counts as that. Then
it is measured:

  pitch        the median over voiced frames (YIN), and its lowest and highest
               tenth; low below 130 Hz, high above 210
  range        from one tenth to the other in semitones: calm up to 4, lively
               from 7
  rate         syllables a second without the silence around: slow below 3.8,
               fast above 5.5
  stability    how alike the takes of one sentence are: their long-term spectra
               (40 mel bands, in dB) and their pitches (in semitones), as one
               distance d; 1 is the same, and exp(-d/6) in general
  loudness, signal to noise, clipping
               as of a recording from which a voice is taken
  often heard as female, male
               by pitch alone, from 180 Hz and up to 155; listeners may differ

DIR/index.html is a page to sort, filter, plot and hear them, which needs no
network; voices.jsonl and voices.csv hold the figures, audio/ the speech.

  chattts-rs roles scan --seeds 1-500 --out-dir scan
  chattts-rs roles find --pitch low --manner calm --stable 0.8
  chattts-rs roles add anna 1234 --from scan";

pub const FIND: &str = "\
It prints a line a voice: its name in the scan, what --role takes, and what was
measured, those first whose takes are most alike and seldom fail. See
`roles scan --help` for what the words mean.

  chattts-rs roles find --pitch low --manner calm --stable 0.8
  chattts-rs roles find --pitch 190-230 --rate slow --heard female --in scan";

pub const MODEL: &str = "\
--model is 2Noise/ChatTTS unless you say otherwise. It is downloaded once, 1.1
GB, into the cache that Python's huggingface_hub uses (HF_HOME, HF_HUB_CACHE);
an interrupted download goes on where it stopped, checksums are compared, and
what was damaged on the way is not kept. HF_ENDPOINT names a mirror, HF_TOKEN a
token (never sent unencrypted), HF_HUB_OFFLINE or --offline forbids the network;
SSL_CERT_FILE and SSL_CERT_DIR name the authorities to trust where a company has
its own.

The first command that speaks also keeps the weights packed as the processor's
kernels want them, in the cache folder (~/.cache/chattts-rs/packed, 450 MB;
CHATTTS_RS_CACHE names another folder, `off` none), and maps that file into
memory from then on, so that a command begins to speak at once. `model convert`
writes such a file where you want it, with everything in it that a machine
needs; its checksums are compared when it is first used, which a small file
beside it, .NAME.checked, remembers:

  chattts-rs model convert small.safetensors --model demo
  chattts-rs synth --model small.safetensors --text \"你好。\" --out packed.wav

A machine without network takes the files from a folder: --model DIR, where
DIR/asset holds Decoder.safetensors, DVAE.safetensors, Embed.safetensors,
Vocos.safetensors, gpt/ and tokenizer/. `model verify` compares them with the
published ones.

`model demo` writes the small voice in the published layout, which the Python
program speaks with too, and `model noise` random weights; a folder that holds
the very model already is left as it is.";

pub const DEVICES: &str = "\
A binary that is built with --features cuda runs everywhere: it looks for the
driver when it is started and needs nothing else of CUDA, since all that it
computes on a card are kernels of its own. They come as machine code for compute
capability 8.0, 8.6, 8.9, 9.0, 10.0 and 12.0 and as PTX for what comes later and
for drivers older than 580; CUDA_COMPUTE_CAP=86 (or 86,89), when it is built,
makes it for your own cards alone.

  --device auto            the first card that can be used, else the processor;
                           it is said which. The default
  --device cuda, cuda:1    that card or none: what the driver says is the error
  --device cuda:0,1, cuda:all
                           for `synth`: a model on each, all lines in one queue,
                           from which a faster card takes more. The lines of a
                           card that fails go to the others
  --dtype f16, bf16, f32, q8, f16-kv8
                           half precision unless you say otherwise; sums,
                           softmax, heads and sampling are f32 in any case. q8
                           holds the layers' weights in 8 bits and is f16
                           otherwise: half the bytes where few texts wait for
                           weights. f16-kv8 holds keys and values in 8 bits, for
                           many texts: more of them fit, and each step reads
                           little more than half as much
  --batch-size auto, N     up to 256 texts at once, as many as fit; or so many,
                           refused with the number that fits
  --memory-fraction 0.9    the share of the free memory that texts may take
  devices --check          runs every kernel on every card beside its twin in
                           plain Rust and compares, then tries the card anew;
                           with --backend candle, speaks by candle on every
                           device what the processor's kernels speak

A card is tried when it is first used, and again when its driver or this program
is another one, which takes a second or two: every kernel beside its twin, a
small model that must speak what the processor speaks, over and over. What fails
is switched off, in this order: overlap, shared tiles, graphs, fused norms; where
nothing is left candle computes in place of our kernels, if this build has it for
cards (the feature `cuda`, not `cuda-kernels` alone) and cuBLAS, cuRAND and the
CUDA runtime are found; else the card is not used. It is said which, and kept in
the cache folder (cards/). `--backend native` takes the card as it is.

The same text, seed and type give the same bytes for any batch size and
neighbours, on any of several like cards; they are not the bytes of the
processor, from which f32 differs in the last digits (`bench --precision
--device cuda` says by how much, layer by layer).

These can be switched off, which changes no byte and helps to find a fault:
  CHATTTS_RS_GRAPHS=off         every kernel is launched by itself
  CHATTTS_RS_STEPS_AHEAD=1      so many steps at once, 1 to 64
  CHATTTS_RS_OVERLAP=off        no kernel begins, by loading its weights, before
                                the one before it is done (compute capability
                                9.0 and newer do that, with drivers for CUDA
                                12.4 and newer)
  CHATTTS_RS_CLUSTERS=off       blocks that attend to one head join what they
                                find in memory, not in one of them (as before)
  CHATTTS_RS_FUSED_NORMS=off    norms are kernels of their own, as they are for
                                more than eight texts
  CHATTTS_RS_SHARED_TILES=off   blocks never share a tile of a product";

pub const BENCH: &str = "\
Without --model it is the downloaded model, or noise-full, random weights whose
shapes and so whose speed are the same. Each type and batch size is measured in
a process of its own, --runs times after --warm-up runs, on lines of --tokens
tokens; --rounds N takes the processes in turn N times. The table shows medians,
--json also the smallest and the largest.

  load         from the start of loading until the model is ready
  cold start   from the start of the process until its first step begins, with
               the files in the system's cache
  prefill      the step that takes in one line's prompt, and positions of it per
               second
  decode       tokens per second of all lines together, each line's first left
               out, and the slowest and fastest run
  mel+wave     from hidden states to audio: time per token, and its part of the
               whole
  RTF          compute time ÷ audio time, from the requests to the last wave:
               lower is better
  audio        seconds of audio made in a second, which is 1 ÷ RTF
  first sound  from a request to the first samples of --stream, in a process
               that has spoken before; of a single line only
  peak         the most memory the process held, mapped files included; Linux
               alone tells

--profile shows where a card's step goes (bench --profile --device cuda
--batch-size 1,64). Before anything is loaded, it measures what the card does at
most: reading memory, products of f16 matrices, f32 arithmetic.

  step         a step of all texts as it always runs, the processor's part
               included
  floor        what a step must take at those rates: weights, keys and values,
               states read and written once, and the arithmetic, all of it going
               on at once. For a part, that part alone
  over floor   time ÷ floor: 1 cannot be beaten
  kernels      all launches of a step, timed one by one, which recorded steps
               are not: each takes some more this way
  memory, matrices, f32
               what a part must move and compute in a step
  launches, time, each, share
               of a kernel in a step

--precision lets f32 speak four lines on the processor, feeds each other type
the same codes, and compares what the two make of them at every step:

  arg max      how often the likeliest code is the same, of all four codebooks
               and of each
  drawn        how often the code drawn with the same noise is the same
  KL           the divergence of the next code's distribution from that of f32,
               at temperature 1 and at that of speech
  hidden       the error of the hidden states relative to the states
  wave, mel    signal to noise of what is rendered from f32's hidden states;
               `same` where no bit differs
  after        below: what each layer leaves, the hidden state and the logits;
               the error's root mean square and its largest value, both relative
               to the root mean square of what they should be";
