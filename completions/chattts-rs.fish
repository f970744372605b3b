# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_chattts_rs_global_optspecs
    string join \n q/quiet v/verbose h/help V/version
end

function __fish_chattts_rs_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_chattts_rs_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_chattts_rs_using_subcommand
    set -l cmd (__fish_chattts_rs_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "synth" -d 'Speak texts into audio files'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "serve" -d 'Speak over HTTP, as OpenAI\'s clients ask for it, with a page to try it'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "status" -d 'Tell how far the runs are that fill an output folder, or whether a service is ready'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "merge" -d 'Make one ledger and one report of those of an output folder\'s shards'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "load-test" -d 'Put load on a running service, and say how it answers'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "refine" -d 'Rewrite texts with pauses, laughs and fillers, as speech would have them'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "normalize" -d 'Show texts as they are spoken: numbers, dates, signs and abbreviations in words'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "tokenize" -d 'Show the tokens of texts, which go to the tokenizer as they are'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "decode" -d 'Turn codes into a WAV file, through the DVAE'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "roles" -d 'Register, show and hear voices'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "model" -d 'Download, check and find the weights'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "devices" -d 'List what can compute here: NVIDIA cards and the processor'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "bench" -d 'Measure speed and memory, or how near each type of weights is to single precision'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "man" -d 'Print the manual page, or write all pages into a folder'
complete -c chattts-rs -n "__fish_chattts_rs_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s t -l text -d 'A text to work on; may be given several times' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s f -l file -d 'A file with one utterance a line, or `-` for standard input' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s o -l out -d 'The file; its extension is its format. `-` is standard output [default: named after the text]' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l out-dir -d 'A folder for a file per utterance; their paths come as they are finished' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l format -d 'What files are made of [default: by the extension, else wav]' -r -f -a "wav\t'WAV: integers or floats behind a header'
flac\t'FLAC: integers, compressed without loss (RFC 9639)'
mp3\t'MP3 (MPEG layer III) of a constant bit rate, 96 kbit/s at 24,000 Hz'
opus\t'Opus in Ogg (RFC 6716, RFC 7845) of a varying bit rate, about 48 kbit/s at 24,000 Hz'
raw\t'The samples alone, little-endian, without a header'
ulaw\t'Logarithmic 8-bit codes of North American and Japanese telephony (ITU-T G.711 µ-law), in a WAV file of format tag 7'
alaw\t'Logarithmic 8-bit codes of telephony elsewhere (ITU-T G.711 A-law), in a WAV file of format tag 6'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l bits -d 'Bits of a sample [default: 16]' -r -f -a "16\t''
24\t''
32f\t''"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l subtitles -d 'Write subtitles beside every file, with the times of its sentences (estimated within a piece)' -r -f -a "srt\t'SubRip'
vtt\t'WebVTT'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l dump -d 'Keep prompts, tokens, hidden states, mel and wave in DIR/00000.safetensors, …' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l device -d 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l backend -d 'What computes there' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l dtype -d 'In which type to compute' -r -f -a "auto\t'What suits the device: q8 on a processor, f16 on a card'
f32\t'Single precision'
q8\t'Weights in 8 bits'
f16\t'Half precision, on cards'
bf16\t'bfloat16, on cards'
f16-kv8\t'Half precision with keys and values in 8 bits, on cards'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l memory-fraction -d 'The share of a card\'s free memory that texts worked on may take' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l threads -d 'Threads to compute with [default: one per core]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l roles -d 'A file of roles that come before your own, such as one beside a project' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l seed -d 'The generation seed; the same seed gives the same speech. Drawn and printed if absent' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l temperature -d 'Divides the logits: higher is livelier. One value, or one per codebook' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l top-p -d 'Draw from the likeliest tokens that together reach this probability' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l top-k -d 'Draw from at most so many tokens' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l repetition-penalty -d 'Above 1, what was drawn in the last 16 steps becomes less likely' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l max-tokens -d 'Stop after so many tokens; of speech, 46.875 are a second' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l min-tokens -d 'Do not end before so many tokens' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l rng -d 'How a seed\'s random numbers run: anew at every step, or on from step to step [default: repeat]' -r -f -a "repeat\t'Seeded anew at every step (the Python package\'s manual_seed)'
stream\t'Seeded once (torch.manual_seed before the call)'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l lang -d 'The language texts are read in [default: auto]' -r -f -a "auto\t'Each sentence in its own'
zh\t'Chinese'
en\t'English'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l pronounce -d 'Your own readings: a file with a word, a tab and what is spoken for it in each line' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l role -d 'Who speaks: a role, a seed, a speaker string, a file, a spoken sample, a mix, or `none`' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l role-text -d 'What the sample given as --role says, word for word' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l voice-codes -d 'A sample to continue, as codes (4, n) in a safetensors file; takes --voice-text' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l voice-text -d 'What the sample says, word for word' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l prompt -d 'Control tags: [oral_0-9] [laugh_0-2] [break_0-7] steer refining (and switch it on), [speed_0-9] the pace' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l speed -d 'How fast it is spoken, 0.25 to 4; the pitch stays [default: 1]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l sample-rate -d 'Samples per second; the model\'s own rate is 24000 [default: 24000, G.711: 8000]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l normalize-loudness -d 'Bring every text to this loudness, such as -16, without clipping' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l homophones -d 'A JSON object of one-character strings: what is misread, and what to speak in its place' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l dialogue -d 'A conversation: a turn a line, `Anna: text`, in which every speaker has one voice' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l cast -d 'Who speaks with which voice: `anna=4099,bob=torch-f16:77`, or a TOML file' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l gap -d 'Seconds of silence between lines in one file [default: 0; of a conversation by its marks and lengths]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l stems -d 'Write a file for each speaker there too, as long as the one of all, in which the others are silent' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l srt-input -d 'Subtitles (.srt, .vtt) that become speech in time: each cue begins when it is shown' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l length -d 'How long the speech of --srt-input is: that of the video [default: to the end of the last cue]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l fastest -d 'How much faster a cue may be spoken to end in time' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l album -d 'The album of --chapters [default: the book\'s only heading of the first level, else the file\'s name]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l batch-size -d 'Texts that are worked on together: a number, or `auto` by cores and free memory' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l name -d 'Names of files in --out-dir: {index}, {index:05}, {id}, {seed}, {role}, {hash}, {text}; .wav is added' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l shard -d 'Speak one of N parts of the lines, I from 0, beside other runs that speak the others into the same --out-dir' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l grace -d 'After SIGTERM begin no line, and give those that were begun so many seconds to end' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l report -d 'Write what became of each line, as JSON Lines; `-` is --json' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l stream -d 'Give audio to standard output as it is made, a second behind the model, in any format but flac'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l play -d 'Play the file when it is finished'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l voice-from-first -d 'Let every text sound like the first one: its speech is the sample that the others continue'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l strict -d 'Fail a text of which a character would not be spoken, instead of warning'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l name-emoji -d 'Speak emoji by their names instead of leaving them out'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l ssml -d 'Texts are SSML: p, s, break, say-as, sub, prosody, voice; a file is one text'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l markdown -d 'Texts are Markdown, read without its signs; a file is one text'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l refine -d 'Rewrite each text with pauses, laughs and fillers first'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l split -d 'Speak texts in pieces, sentence by sentence, in one voice'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l trim -d 'Cut what is quiet at both ends; digital silence is always cut'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l no-refine -d 'Speak each text as it is (the default unless --prompt steers refining)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l no-decoder -d 'Make the wave from codes, through the DVAE, instead of from hidden states'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l no-normalize -d 'Give the text to the tokenizer untouched'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l no-split -d 'Speak every text in one go, however long'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l json-input -d 'The input is a manifest: {"text", "id", "out", "role", "seed", "prompt", "speed", "refine", …}'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l allow-files -d 'Let manifests and SSML name voices in any file'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l chapters -d 'Cut --file into chapters at its headings, and write a file for each, with tags and a playlist'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l resume -d 'Leave alone what an earlier run finished in --out-dir and nothing has changed since'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l verify -d 'With --resume, compare the checksum of every finished file too'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l prune -d 'Afterwards remove files of earlier runs in --out-dir whose lines are gone'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l dry-run -d 'Say what would be done, and do nothing'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l fail-fast -d 'Stop at the first line that fails'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l json -d 'Print what became of each line, as JSON Lines, in place of paths'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -l list-voices -d 'For whoever looks for it under this name'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand synth" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l host -d 'The name or address at which it listens; 0.0.0.0 or :: is every network' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l port -d 'The port; 0 is any that is free' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l unix -d 'A socket of this machine to listen at, in place of a port' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l tls-cert -d 'A PEM file with a certificate, and those it depends on: HTTPS in place of HTTP' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l tls-key -d 'A PEM file with the private key of the certificate' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l api-key-file -d 'A file of keys, one a line, of which requests need one: `Authorization: Bearer KEY`' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l wyoming -d 'Speak Wyoming too, Home Assistant\'s protocol, at a port of the same host or at HOST:PORT' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l batch-size -d 'Texts that are worked on together: a number, or `auto` by cores and free memory' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l queue -d 'Requests that may wait for their turn; others are told to come again (429)' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l max-input -d 'Characters that a text may have' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l max-connections -d 'Connections that may be open' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l time-limit -d 'Seconds that a request may take in all' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l stall-time -d 'Seconds in which a client must take some of its answer, or is left' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l head-time -d 'Seconds in which a client must have sent the head of a request, and those for its body' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l grace -d 'Seconds for running requests to end in, when it is told to end' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l log -d 'How a line is logged for each request' -r -f -a "text\t'For people'
json\t'A JSON object a line'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l otlp-endpoint -d 'A collector to which the trace of each request goes, by OTLP over HTTP: http://127.0.0.1:4318' -r -f
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l device -d 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l backend -d 'What computes there' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l dtype -d 'In which type to compute' -r -f -a "auto\t'What suits the device: q8 on a processor, f16 on a card'
f32\t'Single precision'
q8\t'Weights in 8 bits'
f16\t'Half precision, on cards'
bf16\t'bfloat16, on cards'
f16-kv8\t'Half precision with keys and values in 8 bits, on cards'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l memory-fraction -d 'The share of a card\'s free memory that texts worked on may take' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l threads -d 'Threads to compute with [default: one per core]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l roles -d 'A file of roles that come before your own, such as one beside a project' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l voices-file -d 'A file of roles that keeps the voices that clients make; without it they are gone when the service ends' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l max-voices -d 'Voices that clients may make; 0 forbids it' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l homophones -d 'A JSON object of one-character strings: what is misread, and what to speak in its place' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l seed -d 'The generation seed; the same seed gives the same speech. Drawn and printed if absent' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l temperature -d 'Divides the logits: higher is livelier. One value, or one per codebook' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l top-p -d 'Draw from the likeliest tokens that together reach this probability' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l top-k -d 'Draw from at most so many tokens' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l repetition-penalty -d 'Above 1, what was drawn in the last 16 steps becomes less likely' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l max-tokens -d 'Stop after so many tokens; of speech, 46.875 are a second' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l min-tokens -d 'Do not end before so many tokens' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l rng -d 'How a seed\'s random numbers run: anew at every step, or on from step to step [default: repeat]' -r -f -a "repeat\t'Seeded anew at every step (the Python package\'s manual_seed)'
stream\t'Seeded once (torch.manual_seed before the call)'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l lang -d 'The language texts are read in [default: auto]' -r -f -a "auto\t'Each sentence in its own'
zh\t'Chinese'
en\t'English'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l pronounce -d 'Your own readings: a file with a word, a tab and what is spoken for it in each line' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l role -d 'Who speaks: a role, a seed, a speaker string, a file, a spoken sample, a mix, or `none`' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l role-text -d 'What the sample given as --role says, word for word' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l voice-codes -d 'A sample to continue, as codes (4, n) in a safetensors file; takes --voice-text' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l voice-text -d 'What the sample says, word for word' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l prompt -d 'Control tags: [oral_0-9] [laugh_0-2] [break_0-7] steer refining (and switch it on), [speed_0-9] the pace' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l speed -d 'How fast it is spoken, 0.25 to 4; the pitch stays [default: 1]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l sample-rate -d 'Samples per second; the model\'s own rate is 24000 [default: 24000, G.711: 8000]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l normalize-loudness -d 'Bring every text to this loudness, such as -16, without clipping' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l log-text -d 'Log texts too; otherwise none is kept'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l strict -d 'Fail a text of which a character would not be spoken, instead of warning'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l name-emoji -d 'Speak emoji by their names instead of leaving them out'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l ssml -d 'Texts are SSML: p, s, break, say-as, sub, prosody, voice; a file is one text'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l markdown -d 'Texts are Markdown, read without its signs; a file is one text'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l refine -d 'Rewrite each text with pauses, laughs and fillers first'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l split -d 'Speak texts in pieces, sentence by sentence, in one voice'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l trim -d 'Cut what is quiet at both ends; digital silence is always cut'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l no-refine -d 'Speak each text as it is (the default unless --prompt steers refining)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l no-decoder -d 'Make the wave from codes, through the DVAE, instead of from hidden states'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l no-normalize -d 'Give the text to the tokenizer untouched'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -l no-split -d 'Speak every text in one go, however long'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand serve" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand status" -l json -d 'Print one JSON object'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand status" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand status" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand status" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand merge" -l report -d 'Write what became of each line, in order, as JSON Lines' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand merge" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand merge" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand merge" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand merge" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l rate -d 'Requests a second, whether or not those before were answered; a step each, such as 2,4,8' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l concurrency -d 'Requests at a time, each followed by the next, in place of --rate; a step each, such as 1,8,32' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l duration -d 'Seconds of each step in which requests are sent' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l requests -d 'Requests of each step, in place of --duration' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l arrivals -d 'How the requests of --rate come' -r -f -a "poisson\t'At random and apart from each other, as those of many clients'
constant\t'Equally far apart'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l clients -d 'Connections at most; a request that finds none free is late, and its latency counts that' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l timeout -d 'Seconds after which a request without an answer has failed' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l file -d 'A file of texts, one a line, which are spoken in turn [default: a few sentences]' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l format -d 'What the answers are; only of pcm and wav is the length known by their bytes' -r -f -a "pcm\t''
wav\t''
mp3\t''
opus\t''
flac\t''"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l fields -d 'More fields of each request, as a JSON object: {"voice": "alloy", "max_tokens": 200}' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l seed -d 'The seed of the first request of each step; the others count on' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l api -d 'What the service speaks' -r -f -a "http\t'OpenAI\'s speech API'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l api-key-file -d 'A file of keys, of which the first is sent' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l json -d 'Write all figures there, as JSON; `-` prints them in place of the table' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -l plot -d 'Draw latency and throughput over the load there' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand load-test" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -s t -l text -d 'A text to work on; may be given several times' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -s f -l file -d 'A file with one utterance a line, or `-` for standard input' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l device -d 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l backend -d 'What computes there' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l dtype -d 'In which type to compute' -r -f -a "auto\t'What suits the device: q8 on a processor, f16 on a card'
f32\t'Single precision'
q8\t'Weights in 8 bits'
f16\t'Half precision, on cards'
bf16\t'bfloat16, on cards'
f16-kv8\t'Half precision with keys and values in 8 bits, on cards'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l memory-fraction -d 'The share of a card\'s free memory that texts worked on may take' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l threads -d 'Threads to compute with [default: one per core]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l prompt -d 'Control tags: [oral_0-9] [laugh_0-2] [break_0-7]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l seed -d 'The generation seed; the same seed gives the same speech. Drawn and printed if absent' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l temperature -d 'Divides the logits: higher is livelier. One value, or one per codebook' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l top-p -d 'Draw from the likeliest tokens that together reach this probability' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l top-k -d 'Draw from at most so many tokens' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l repetition-penalty -d 'Above 1, what was drawn in the last 16 steps becomes less likely' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l max-tokens -d 'Stop after so many tokens; of speech, 46.875 are a second' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l min-tokens -d 'Do not end before so many tokens' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l rng -d 'How a seed\'s random numbers run: anew at every step, or on from step to step [default: repeat]' -r -f -a "repeat\t'Seeded anew at every step (the Python package\'s manual_seed)'
stream\t'Seeded once (torch.manual_seed before the call)'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l lang -d 'The language texts are read in [default: auto]' -r -f -a "auto\t'Each sentence in its own'
zh\t'Chinese'
en\t'English'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l pronounce -d 'Your own readings: a file with a word, a tab and what is spoken for it in each line' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l homophones -d 'A JSON object of one-character strings: what is misread, and what to speak in its place' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l dump -d 'Keep prompts and tokens in DIR/00000.safetensors, …' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l strict -d 'Fail a text of which a character would not be spoken, instead of warning'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l name-emoji -d 'Speak emoji by their names instead of leaving them out'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -l no-normalize -d 'Give the text to the tokenizer untouched'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand refine" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -s t -l text -d 'A text to work on; may be given several times' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -s f -l file -d 'A file with one utterance a line, or `-` for standard input' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l lang -d 'The language texts are read in [default: auto]' -r -f -a "auto\t'Each sentence in its own'
zh\t'Chinese'
en\t'English'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l pronounce -d 'Your own readings: a file with a word, a tab and what is spoken for it in each line' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l homophones -d 'A JSON object of one-character strings: what is misread, and what to speak in its place' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l strict -d 'Fail a text of which a character would not be spoken, instead of warning'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l name-emoji -d 'Speak emoji by their names instead of leaving them out'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l ssml -d 'Texts are SSML: p, s, break, say-as, sub, prosody, voice; a file is one text'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l markdown -d 'Texts are Markdown, read without its signs; a file is one text'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l json -d 'One JSON object a text: "text", "replacements", "dropped" with why, "segments"; places in characters'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -l explain -d 'Under each text, which rule read which part, and what else the part could have been'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand normalize" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -s t -l text -d 'A text to work on; may be given several times' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -s f -l file -d 'A file with one utterance a line, or `-` for standard input' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -l json -d 'One JSON object a text, with "text", "ids" and "tokens"'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand tokenize" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l codes -d 'A safetensors file with `codes` (4, n), values 0 to 624' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -s o -l out -d 'The file, whose extension is its format; `-` is standard output' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l sample-rate -d 'Samples per second; the model\'s own rate is 24000' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l dump -d 'Keep codes, mel and wave in DIR/00000.safetensors' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l device -d 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l backend -d 'What computes there' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l dtype -d 'In which type to compute' -r -f -a "auto\t'What suits the device: q8 on a processor, f16 on a card'
f32\t'Single precision'
q8\t'Weights in 8 bits'
f16\t'Half precision, on cards'
bf16\t'bfloat16, on cards'
f16-kv8\t'Half precision with keys and values in 8 bits, on cards'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l memory-fraction -d 'The share of a card\'s free memory that texts worked on may take' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l threads -d 'Threads to compute with [default: one per core]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand decode" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "list" -d 'Print every role: its name, what it is, where it comes from'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "show" -d 'Print all about one role, as JSON'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "add" -d 'Register a voice: a seed, a string, a file, a mix'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "remove" -d 'Take a role out of the file'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "export" -d 'Print a voice as the string that other programs read'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "import" -d 'Register the voice in a file, or all roles of another file of roles'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "clone" -d 'Register the voice of a spoken sample'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "preview" -d 'Hear a role'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "scan" -d 'Hear many voices, measure them, and make a page to choose from'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "find" -d 'Find voices of a scan: low, calm, stable, …'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and not __fish_seen_subcommand_from list show add remove export import clone preview scan find help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from list" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from list" -l json -d 'One JSON object a role'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from show" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -l from -d 'A scan\'s folder, in which the voice has this name; its description becomes the note' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -l text -d 'What a sample says, for the codes of one' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -l note -d 'What you want to remember about it' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -l replace -d 'Put it in the place of a role of that name'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from remove" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from remove" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from export" -s o -l out -d 'Where; standard output if absent' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from export" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -l catalogue -d 'A CSV of a voice leaderboard: a column seed_id (or id), and any of ratings, gender, age and feature' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -l top -d 'With --catalogue, only the N lines that are rated best: by rank_multi, else score' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -l name -d 'Its name [default: the file\'s]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -l text -d 'What a sample says, for the codes of one' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -l replace -d 'Put it in the place of a role of that name'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -l wav -d 'The sample: WAV, FLAC or MP3, 3 to 30 seconds of one voice' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -l text -d 'What it says, word for word' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -l name -d 'The role\'s name, or a number from 0 to 32767' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -l note -d 'What you want to remember about it' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -l replace -d 'Put it in the place of a role of that name'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from clone" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -s o -l out -d 'The file, whose extension is its format; `-` is standard output' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -s t -l text -d 'What is said [default: a sentence in Chinese and one in English]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l seed -d 'The generation seed' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l device -d 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l backend -d 'What computes there' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l dtype -d 'In which type to compute' -r -f -a "auto\t'What suits the device: q8 on a processor, f16 on a card'
f32\t'Single precision'
q8\t'Weights in 8 bits'
f16\t'Half precision, on cards'
bf16\t'bfloat16, on cards'
f16-kv8\t'Half precision with keys and values in 8 bits, on cards'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l memory-fraction -d 'The share of a card\'s free memory that texts worked on may take' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l threads -d 'Threads to compute with [default: one per core]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from preview" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l seeds -d 'The seeds whose voices are heard, such as 1-500 or 2222,4099,5000-5100' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l kind -d 'How the seeds draw: torch-f32 as published lists mean them, torch-f16, cuda, forge, …' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l voices -d 'A folder of voices: .txt, .pt, .csv, .json, .safetensors and .npy' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l out-dir -d 'The folder of what is heard and found; the same command goes on where it stopped' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -s f -l file -d 'Sentences of your own, one a line [default: one in Chinese and one in English]' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l takes -d 'How often each voice says each sentence, with another generation seed each time' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l batch-size -d 'Texts that are worked on together: a number, or `auto` by cores and free memory' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l max-tokens -d 'The tokens at which a sentence is cut off; 46.875 are a second' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l device -d 'Where to compute: auto, cpu, cuda, cuda:N, or for `synth` several: cuda:N,M or cuda:all' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l backend -d 'What computes there' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l dtype -d 'In which type to compute' -r -f -a "auto\t'What suits the device: q8 on a processor, f16 on a card'
f32\t'Single precision'
q8\t'Weights in 8 bits'
f16\t'Half precision, on cards'
bf16\t'bfloat16, on cards'
f16-kv8\t'Half precision with keys and values in 8 bits, on cards'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l memory-fraction -d 'The share of a card\'s free memory that texts worked on may take' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l threads -d 'Threads to compute with [default: one per core]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from scan" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l in -d 'The folder of a scan' -r -f -a "(__fish_complete_directories)"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l pitch -d 'How high: low, middle, high, or in Hz: 90-130' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l rate -d 'How fast: slow, middle, fast, or in syllables a second: 3.5-4.5' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l manner -d 'How much the pitch moves' -r -f -a "calm\t'Four semitones at most'
lively\t'Seven semitones and more'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l stable -d 'The least stability, 0 to 1' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l heard -d 'As what a voice of this pitch is often heard' -r -f -a "female\t'180 Hz and more'
male\t'155 Hz and less'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l most -d 'Voices to show, the most stable first' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l roles -d 'A file of roles that comes before your own, and is the one that is changed' -r -F
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -l json -d 'One JSON object a voice'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from find" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "list" -d 'Print every role: its name, what it is, where it comes from'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print all about one role, as JSON'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "add" -d 'Register a voice: a seed, a string, a file, a mix'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take a role out of the file'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "export" -d 'Print a voice as the string that other programs read'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "import" -d 'Register the voice in a file, or all roles of another file of roles'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "clone" -d 'Register the voice of a spoken sample'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "preview" -d 'Hear a role'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "scan" -d 'Hear many voices, measure them, and make a page to choose from'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "find" -d 'Find voices of a scan: low, calm, stable, …'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand roles; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -f -a "download" -d 'Download what is missing and print the folder'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -f -a "verify" -d 'Compare every file with the published checksums'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -f -a "path" -d 'Print the folder that the weights are in'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -f -a "convert" -d 'Write a model as one file that a process can begin to use at once'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -f -a "demo" -d 'Write the small voice that the program carries in the published layout (38 MB)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -f -a "noise" -d 'Write random weights in the published layout, for tests and measurements'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and not __fish_seen_subcommand_from download verify path convert demo noise help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from download" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from download" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from download" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from download" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from download" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from download" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from verify" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from verify" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from path" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from path" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from path" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from path" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from path" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from convert" -l dtype -d 'In which type to keep the weights' -r -f -a "f32\t'Single precision'
q8\t'8 bits'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from convert" -s m -l model -d 'A folder with the weights, a Hugging Face repository, or `demo` [default: 2Noise/ChatTTS]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from convert" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from convert" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from convert" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from convert" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from demo" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from demo" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from demo" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from demo" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from noise" -l size -d 'Small shapes, or those of the published model (1.2 GB)' -r -f -a "tiny\t'Small shapes, made at once'
full\t'The shapes of the published model'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from noise" -l seed -d 'Other seeds give other weights; `--model noise` and `noise-full` are those of the default' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from noise" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from noise" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from noise" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from noise" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from help" -f -a "download" -d 'Download what is missing and print the folder'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Compare every file with the published checksums'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from help" -f -a "path" -d 'Print the folder that the weights are in'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from help" -f -a "convert" -d 'Write a model as one file that a process can begin to use at once'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from help" -f -a "demo" -d 'Write the small voice that the program carries in the published layout (38 MB)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from help" -f -a "noise" -d 'Write random weights in the published layout, for tests and measurements'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand model; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand devices" -l backend -d 'With --check: what is tried, on every device that it computes on' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand devices" -l check -d 'Run every kernel on each card beside its twin in plain Rust, and compare'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand devices" -l json -d 'As JSON'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand devices" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand devices" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand devices" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand devices" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -s m -l model -d 'A folder with the weights, a Hugging Face repository, `demo` or `noise-full`' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l device -d 'Where to compute: auto, cpu, cuda or cuda:N' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l backend -d 'What computes there, one measurement each, such as auto,candle' -r -f -a "auto\t'Kernels of this program\'s own'
native\t'Kernels of this program\'s own, or an error'
candle\t'candle\'s tensors'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l dtype -d 'In which types to compute, such as f32,q8 [default: auto; with --precision those of the device]' -r -f -a "auto\t'What suits the device: q8 on a processor, f16 on a card'
f32\t'Single precision'
q8\t'Weights in 8 bits'
f16\t'Half precision, on cards'
bf16\t'bfloat16, on cards'
f16-kv8\t'Half precision with keys and values in 8 bits, on cards'"
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l memory-fraction -d 'The share of a card\'s free memory that texts worked on may take' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l threads -d 'Threads to compute with [default: one per core]' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l recogniser -d 'With --precision: count the words that a recogniser mishears in each type\'s speech' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l batch-size -d 'Texts that are worked on together, one measurement each' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l tokens -d 'Tokens of each line, 46.875 a second; with --precision at most so many, with --profile rounded up to eights' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l runs -d 'How often each measurement is made in a process' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l warm-up -d 'Runs before them that do not count' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l rounds -d 'Processes of each measurement; the measurements take turns' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l seed -d 'The generation seed of the first line; the others count on from it' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l measure-since -d 'For the program\'s own use: take one measurement; the clock, in ns, when this process was started' -r
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l offline -d 'Use what is in the cache; never the network'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l precision -d 'Compare each type with f32 on the same inputs, in place of measuring speed'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l profile -d 'Time a card\'s steps kernel by kernel, beside what they must at least take, in place of measuring speed'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -l json -d 'Print one JSON object: machine, model, options, and median, min and max of each result'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand bench" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand completions" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand completions" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand completions" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand completions" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand man" -s q -l quiet -d 'Say nothing but errors'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand man" -s v -l verbose -d 'Say how long things take'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand man" -s h -l help -d 'Print help'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand man" -s V -l version -d 'Print version'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "synth" -d 'Speak texts into audio files'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "serve" -d 'Speak over HTTP, as OpenAI\'s clients ask for it, with a page to try it'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "status" -d 'Tell how far the runs are that fill an output folder, or whether a service is ready'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "merge" -d 'Make one ledger and one report of those of an output folder\'s shards'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "load-test" -d 'Put load on a running service, and say how it answers'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "refine" -d 'Rewrite texts with pauses, laughs and fillers, as speech would have them'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "normalize" -d 'Show texts as they are spoken: numbers, dates, signs and abbreviations in words'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "tokenize" -d 'Show the tokens of texts, which go to the tokenizer as they are'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "decode" -d 'Turn codes into a WAV file, through the DVAE'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "roles" -d 'Register, show and hear voices'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "model" -d 'Download, check and find the weights'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "devices" -d 'List what can compute here: NVIDIA cards and the processor'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "bench" -d 'Measure speed and memory, or how near each type of weights is to single precision'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "man" -d 'Print the manual page, or write all pages into a folder'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and not __fish_seen_subcommand_from synth serve status merge load-test refine normalize tokenize decode roles model devices bench completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "list" -d 'Print every role: its name, what it is, where it comes from'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "show" -d 'Print all about one role, as JSON'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "add" -d 'Register a voice: a seed, a string, a file, a mix'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "remove" -d 'Take a role out of the file'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "export" -d 'Print a voice as the string that other programs read'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "import" -d 'Register the voice in a file, or all roles of another file of roles'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "clone" -d 'Register the voice of a spoken sample'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "preview" -d 'Hear a role'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "scan" -d 'Hear many voices, measure them, and make a page to choose from'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from roles" -f -a "find" -d 'Find voices of a scan: low, calm, stable, …'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from model" -f -a "download" -d 'Download what is missing and print the folder'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from model" -f -a "verify" -d 'Compare every file with the published checksums'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from model" -f -a "path" -d 'Print the folder that the weights are in'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from model" -f -a "convert" -d 'Write a model as one file that a process can begin to use at once'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from model" -f -a "demo" -d 'Write the small voice that the program carries in the published layout (38 MB)'
complete -c chattts-rs -n "__fish_chattts_rs_using_subcommand help; and __fish_seen_subcommand_from model" -f -a "noise" -d 'Write random weights in the published layout, for tests and measurements'
