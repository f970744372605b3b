/* Every function of the library and every status that can be brought about, as a C program meets them. It is C99 and C++ at once.
 *
 *     test FILE    writes samples to FILE, which are compared with what the Rust library speaks */
#define _POSIX_C_SOURCE 200809L

#include "chattts.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define THREADS 16
#define CAPACITY 200000

/* For C99, which has no assertion of its own. */
typedef char assert_params_size[sizeof(void *) != 8 || sizeof(ChatttsVoiceParams) == 24 ? 1 : -1];
typedef char assert_params_rate[offsetof(ChatttsVoiceParams, sample_rate) == 0 ? 1 : -1];
typedef char assert_params_role[offsetof(ChatttsVoiceParams, role_id) == 4 ? 1 : -1];
typedef char assert_params_pad[offsetof(ChatttsVoiceParams, pad) == 6 ? 1 : -1];
typedef char assert_params_len[offsetof(ChatttsVoiceParams, prompt_len) == 8 ? 1 : -1];
typedef char assert_params_prompt[sizeof(void *) != 8 || offsetof(ChatttsVoiceParams, prompt) == 16 ? 1 : -1];
typedef char assert_request_size[sizeof(void *) != 8 || sizeof(ChatttsRequest) == 112 ? 1 : -1];
typedef char assert_request_seed[sizeof(void *) != 8 || offsetof(ChatttsRequest, seed) == 56 ? 1 : -1];
typedef char assert_options_size[sizeof(void *) != 8 || sizeof(ChatttsOptions) == 64 ? 1 : -1];
typedef char assert_summary_size[sizeof(ChatttsSummary) == 56 + sizeof(void *) ? 1 : -1];
typedef char assert_result_size[sizeof(void *) != 8 || sizeof(ChatttsResult) == 56 ? 1 : -1];
typedef char assert_stats_size[sizeof(ChatttsStats) == 80 + sizeof(void *) ? 1 : -1];

#define CHECK(is_so)                                                                                     \
    do {                                                                                                 \
        if (!(is_so)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s; the last message is: %s\n", __FILE__, __LINE__, #is_so,          \
                    chattts_error_message());                                                            \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

/* Checks a status, and that a failure says what was wrong. */
#define IS(status, call)                                                                                 \
    do {                                                                                                 \
        int is = (call);                                                                                 \
        if (is != (status)) {                                                                            \
            fprintf(stderr, "%s:%d: %s is %d and not %d: %s\n", __FILE__, __LINE__, #call, is, (status), \
                    chattts_error_message());                                                            \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

#define SAYS(words) CHECK(strstr(chattts_error_message(), (words)) != NULL)

static const char *const TEXT = "你好，hello.";

static void pause_ms(long ms) {
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&time, NULL);
}

/* A request of so many tokens. */
static ChatttsRequest request_of(const char *text, uint64_t seed, uint32_t tokens) {
    ChatttsRequest request;
    memset(&request, 0, sizeof request);
    request.size = sizeof request;
    request.text = text;
    request.text_len = strlen(text);
    request.seed = seed;
    request.flags = CHATTTS_SEED;
    request.min_tokens = tokens;
    request.max_tokens = tokens;
    return request;
}

static float *buffer(void) {
    float *samples = (float *)malloc(CAPACITY * sizeof(float));
    CHECK(samples != NULL);
    return samples;
}

/* Samples that are collected. */
typedef struct Sound {
    float samples[CAPACITY];
    size_t len;
    int calls;
    int stop_at;
    ChatttsHandle *destroys;
} Sound;

static Sound *sound(void) {
    Sound *made = (Sound *)calloc(1, sizeof(Sound));
    CHECK(made != NULL);
    return made;
}

static int on_audio(void *user, const float *samples, size_t len) {
    Sound *to = (Sound *)user;
    CHECK(len > 0 && to->len + len <= CAPACITY);
    memcpy(to->samples + to->len, samples, len * sizeof(float));
    to->len += len;
    to->calls += 1;
    if (to->destroys != NULL) {
        IS(CHATTTS_BUSY, chattts_destroy_with(to->destroys, CHATTTS_DESTROY_CANCELS));
        chattts_destroy(to->destroys);
        CHECK(chattts_sample_rate(to->destroys) == 24000);
    }
    return to->calls == to->stop_at;
}

static void versions(void) {
    CHECK(chattts_init() == 0);
    CHECK(chattts_init() == 0);
    CHECK(chattts_abi_version() == CHATTTS_ABI_VERSION);
    CHECK(strchr(chattts_version(), '.') != NULL);
    CHECK(chattts_error_status() == CHATTTS_OK && chattts_error_message()[0] == 0);
}

static int logged;

static void on_log(void *user, int level, const char *message) {
    CHECK(user == &logged && message[0] != 0);
    CHECK(level == CHATTTS_LOG_INFO || level == CHATTTS_LOG_WARNING);
    IS(CHATTTS_BUSY, chattts_init());
    logged += 1;
}

static ChatttsHandle *create(const char *model) {
    char error[200];
    ChatttsHandle *h = chattts_create(model, NULL, error, sizeof error);
    CHECK(h != NULL);
    CHECK(error[0] == 0);
    return h;
}

/* Opens with these options, and checks why that fails. */
static void refused(const ChatttsOptions *options, int status, const char *words) {
    char error[300];
    CHECK(chattts_create("noise", options, error, sizeof error) == NULL);
    CHECK(chattts_error_status() == status);
    CHECK(strstr(error, words) != NULL && strcmp(error, chattts_error_message()) == 0);
}

static void opening(void) {
    char error[8];
    ChatttsOptions options;
    struct {
        ChatttsOptions known;
        uint64_t newer;
    } future;
    ChatttsHandle *h;

    CHECK(chattts_create(NULL, NULL, NULL, 0) == NULL);
    CHECK(chattts_error_status() == CHATTTS_INVALID_PARAMETER);
    SAYS("model_path");
    memset(error, 'x', sizeof error);
    CHECK(chattts_create("/nowhere/at/all", NULL, error, 5) == NULL);
    CHECK(chattts_error_status() == CHATTTS_MODEL_NOT_FOUND);
    CHECK(strlen(error) == 4 && error[5] == 'x');
    CHECK(chattts_create("\xff", NULL, error, 0) == NULL);

    memset(&options, 0, sizeof options);
    refused(&options, CHATTTS_INVALID_PARAMETER, "its size is 0");
    options.size = (size_t)-1;
    refused(&options, CHATTTS_INVALID_PARAMETER, "its size");
    options.size = sizeof options;
    options.dtype = "f31";
    refused(&options, CHATTTS_INVALID_PARAMETER, "f31");
    options.dtype = "f32";
    options.device = "tpu";
    refused(&options, CHATTTS_INVALID_PARAMETER, "tpu");
    options.device = "cpu";
    options.batch_size = 1025;
    refused(&options, CHATTTS_INVALID_PARAMETER, "1024");
    options.batch_size = 4;
    options.memory_fraction = 1.5;
    refused(&options, CHATTTS_INVALID_PARAMETER, "memory_fraction");
    options.memory_fraction = 0.5;
    options.flags = 2;
    refused(&options, CHATTTS_INVALID_PARAMETER, "flags");
    options.flags = CHATTTS_OFFLINE;
    CHECK(chattts_create("nobody/nothing", &options, NULL, 0) == NULL);
    CHECK(chattts_error_status() == CHATTTS_MODEL_NOT_FOUND);

    memset(&future, 0, sizeof future);
    future.known = options;
    future.known.size = sizeof future;
    future.newer = 1;
    refused(&future.known, CHATTTS_INVALID_PARAMETER, "newer");
    future.newer = 0;
    IS(CHATTTS_OK, chattts_set_log(on_log, &logged));
    h = chattts_create("noise", &future.known, NULL, 0);
    CHECK(h != NULL && logged > 0);
    IS(CHATTTS_OK, chattts_set_log(NULL, NULL));
    CHECK(chattts_sample_rate(h) == 24000);
    chattts_destroy(h);
    CHECK(chattts_sample_rate(h) == 0);
}

/* Answers whatever is asked with something that is no file of a model. */
static void *answer(void *user) {
    static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    const int listener = *(const int *)user;
    for (;;) {
        char asked[4096];
        const int connection = accept(listener, NULL, NULL);
        if (connection < 0) {
            return NULL;
        }
        if (read(connection, asked, sizeof asked) > 0) {
            CHECK(write(connection, ANSWER, sizeof ANSWER - 1) == (ssize_t)(sizeof ANSWER - 1));
        }
        close(connection);
    }
}

static void downloading(void) {
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    char endpoint[64];
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    sprintf(endpoint, "http://127.0.0.1:%d", (int)ntohs(address.sin_port));
    CHECK(setenv("HF_ENDPOINT", endpoint, 1) == 0);
    CHECK(pthread_create(&thread, NULL, answer, &listener) == 0);
    CHECK(chattts_create("nobody/nothing", NULL, NULL, 0) == NULL);
    CHECK(chattts_error_status() == CHATTTS_DOWNLOAD);
    SAYS("nobody/nothing");
    CHECK(shutdown(listener, SHUT_RDWR) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(close(listener) == 0 && unsetenv("HF_ENDPOINT") == 0);
}

/* What the system does not give. */
static void missing(void) {
    ChatttsOptions options;
    FILE *damaged = fopen("damaged.safetensors", "wb");
    CHECK(damaged != NULL && fputs("no tensors", damaged) >= 0 && fclose(damaged) == 0);
    CHECK(chattts_create("damaged.safetensors", NULL, NULL, 0) == NULL);
    CHECK(chattts_error_status() == CHATTTS_MODEL_INVALID);
    SAYS("damaged.safetensors");

    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.device = "cuda:99";
    refused(&options, CHATTTS_DEVICE, "");
    options.device = NULL;
    options.roles = ".";
    refused(&options, CHATTTS_IO, "");
    downloading();
}

static void wrong(ChatttsHandle *h) {
    float samples[4];
    size_t len = 4, text_len = strlen(TEXT);
    ChatttsVoiceParams params;
    ChatttsRequest request = request_of(TEXT, 1, 8);
    struct {
        ChatttsRequest known;
        uint64_t newer;
    } future;
    ChatttsSpeech *s;

    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize(h, TEXT, text_len, NULL, samples, NULL));
    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize(h, TEXT, text_len, NULL, NULL, &len));
    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize(h, NULL, 3, NULL, samples, &len));
    CHECK(len == 0);
    len = 4;
    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize(h, TEXT, (size_t)-1, NULL, samples, &len));
    IS(CHATTTS_INVALID_TEXT, chattts_synthesize(h, NULL, 0, NULL, samples, &len));
    SAYS("nothing to speak");
    IS(CHATTTS_INVALID_TEXT, chattts_synthesize(h, "ab\xff", 3, NULL, samples, &len));
    SAYS("UTF-8 from byte 2");
    IS(CHATTTS_INVALID_HANDLE, chattts_synthesize(NULL, TEXT, text_len, NULL, samples, &len));
    IS(CHATTTS_INVALID_HANDLE, chattts_synthesize((ChatttsHandle *)samples, TEXT, text_len, NULL, samples, &len));
    IS(CHATTTS_INVALID_HANDLE, chattts_destroy_with(NULL, 0));
    IS(CHATTTS_INVALID_PARAMETER, chattts_destroy_with(h, 7));
    chattts_destroy(NULL);

    memset(&params, 0, sizeof params);
    params.role_id = -2;
    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize(h, TEXT, text_len, &params, samples, &len));
    params.role_id = CHATTTS_ROLE_DEFAULT;
    params.prompt_len = 5;
    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize(h, TEXT, text_len, &params, samples, &len));
    params.prompt = (const uint8_t *)"sing_1 and more";
    params.prompt_len = 6;
    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize(h, TEXT, text_len, &params, samples, &len));
    SAYS("sing_1;");
    IS(CHATTTS_INVALID_PARAMETER,
       chattts_synthesize(h, TEXT, text_len, (const ChatttsVoiceParams *)((const char *)&params + 1), samples, &len));

    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, NULL, samples, &len, NULL));
    request.size = 3;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    request.size = sizeof request;
    request.flags |= 1u << 30;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    request.flags = CHATTTS_SPEED;
    request.speed = 10;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    request.flags = CHATTTS_LOUDNESS;
    request.loudness = 3;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    request.flags = CHATTTS_SPLIT | CHATTTS_NO_SPLIT;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    request.flags = CHATTTS_SSML;
    IS(CHATTTS_INVALID_TEXT, chattts_speak(h, &request, samples, &len, NULL));
    request.flags = 0;
    request.lang = 9;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    request.lang = CHATTTS_LANG_ZH;
    request.top_p = 2;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    request.top_p = 0;
    request.role = "no such role";
    IS(CHATTTS_INVALID_VOICE, chattts_speak(h, &request, samples, &len, NULL));
    request.role = NULL;
    request.settings = "{\"sped\": 4}";
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &request, samples, &len, NULL));
    SAYS("did you mean `speed`");

    memset(&future, 0, sizeof future);
    future.known = request_of(TEXT, 1, 8);
    future.known.size = sizeof future;
    future.newer = 1;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &future.known, samples, &len, NULL));
    len = 0;
    future.newer = 0;
    IS(CHATTTS_BUFFER_TOO_SMALL, chattts_speak(h, &future.known, NULL, &len, NULL));

    IS(CHATTTS_INVALID_PARAMETER, chattts_synthesize_stream(h, TEXT, text_len, NULL, NULL, NULL));
    request = request_of(TEXT, 1, 8);
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak_stream(h, &request, NULL, NULL, NULL));
    IS(CHATTTS_INVALID_PARAMETER, chattts_speech_start(h, &request, NULL));
    IS(CHATTTS_INVALID_HANDLE, chattts_speech_start(NULL, &request, &s));
    CHECK(s == NULL);
    IS(CHATTTS_INVALID_HANDLE, chattts_speech_poll((ChatttsSpeech *)h));
    IS(CHATTTS_INVALID_HANDLE, chattts_speech_free(NULL));
    IS(CHATTTS_INVALID_PARAMETER, chattts_batch(h, NULL, 2, NULL, NULL));
    IS(CHATTTS_INVALID_PARAMETER, chattts_batch(h, NULL, 0, NULL, NULL));
    IS(CHATTTS_INVALID_PARAMETER, chattts_stats(h, NULL));
    IS(CHATTTS_INVALID_PARAMETER, chattts_voice_register(h, NULL, "2", NULL));
}

static void too_small(ChatttsHandle *h) {
    float *samples = buffer();
    size_t len = 0, needed;
    ChatttsStats before, after;
    ChatttsSummary summary;
    ChatttsRequest request = request_of(TEXT, 0, 40), other = request_of("Other.", 0, 40);
    request.flags = 0;
    before.size = after.size = sizeof before;

    IS(CHATTTS_BUFFER_TOO_SMALL, chattts_speak(h, &request, NULL, &len, NULL));
    needed = len;
    CHECK(needed > 1000);
    IS(CHATTTS_OK, chattts_stats(h, &before));
    /* Others may come between, and a buffer may be too small again. */
    len = CAPACITY;
    IS(CHATTTS_OK, chattts_speak(h, &other, samples, &len, NULL));
    len = needed - 1;
    IS(CHATTTS_BUFFER_TOO_SMALL, chattts_speak(h, &request, samples, &len, NULL));
    CHECK(len == needed);
    summary.size = sizeof summary;
    IS(CHATTTS_OK, chattts_speak(h, &request, samples, &len, &summary));
    CHECK(len == needed && summary.samples == needed && summary.tokens == 40 && summary.sample_rate == 24000);
    IS(CHATTTS_OK, chattts_stats(h, &after));
    CHECK(after.completed == before.completed + 1);
    CHECK(after.slots >= 1 && after.tokens > 0 && after.audio_seconds > 0);
    /* A wrong size is found before anything is spoken. */
    summary.size = 1;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speak(h, &other, samples, &len, &summary));
    /* It was given out, and is spoken anew. */
    len = CAPACITY;
    IS(CHATTTS_OK, chattts_speak(h, &request, samples, &len, NULL));
    IS(CHATTTS_OK, chattts_stats(h, &after));
    CHECK(after.completed == before.completed + 2);
    /* As much as an older program has is filled in, and no more. */
    after.size = offsetof(ChatttsStats, running);
    after.running = 4711;
    IS(CHATTTS_OK, chattts_stats(h, &after));
    CHECK(after.running == 4711);
    free(samples);
}

static void streams(ChatttsHandle *h) {
    Sound *made = sound();
    float *samples = buffer();
    size_t len = CAPACITY;
    ChatttsSummary summary;
    ChatttsRequest request = request_of(TEXT, 5, 150);
    summary.size = sizeof summary;
    IS(CHATTTS_OK, chattts_speak(h, &request, samples, &len, NULL));
    IS(CHATTTS_OK, chattts_speak_stream(h, &request, on_audio, made, &summary));
    CHECK(made->calls > 1);
    CHECK(made->len == len && memcmp(made->samples, samples, len * sizeof(float)) == 0);
    CHECK(summary.samples == len && summary.seed == 5 && summary.first_sound >= 0);
    CHECK(summary.finish == CHATTTS_FINISH_CUT_OFF);

    memset(made, 0, sizeof *made);
    made->stop_at = 1;
    made->destroys = h;
    IS(CHATTTS_CANCELLED, chattts_speak_stream(h, &request, on_audio, made, NULL));
    CHECK(made->calls == 1);
    memset(made, 0, sizeof *made);
    made->stop_at = 1;
    IS(CHATTTS_CANCELLED, chattts_synthesize_stream(h, TEXT, strlen(TEXT), NULL, on_audio, made));
    free(samples);
    free(made);
}

static void speeches(ChatttsHandle *h) {
    float *samples = buffer(), *expected = buffer();
    size_t len = CAPACITY, read = 0, more;
    ChatttsSpeech *s = NULL;
    ChatttsSummary summary;
    ChatttsRequest request = request_of(TEXT, 9, 200);
    int status;
    summary.size = sizeof summary;

    IS(CHATTTS_OK, chattts_speak(h, &request, expected, &len, NULL));
    request.flags |= CHATTTS_STREAM;
    IS(CHATTTS_OK, chattts_speech_start(h, &request, &s));
    IS(CHATTTS_INVALID_HANDLE, chattts_destroy_with((ChatttsHandle *)s, 0));
    more = 0;
    IS(CHATTTS_INVALID_PARAMETER, chattts_speech_read(s, samples, &more, 0));
    do {
        more = 1000;
        status = chattts_speech_read(s, samples + read, &more, 20);
        CHECK(status == CHATTTS_OK || status == CHATTTS_PENDING);
        CHECK(status == CHATTTS_OK || more == 0);
        read += more;
    } while (status == CHATTTS_PENDING || more > 0);
    CHECK(read == len && memcmp(samples, expected, len * sizeof(float)) == 0);
    IS(CHATTTS_OK, chattts_speech_poll(s));
    IS(CHATTTS_OK, chattts_speech_summary(s, &summary));
    CHECK(summary.samples == len);
    IS(CHATTTS_OK, chattts_speech_free(s));
    IS(CHATTTS_INVALID_HANDLE, chattts_speech_free(s));
    IS(CHATTTS_INVALID_HANDLE, chattts_speech_wait(s, -1));
    IS(CHATTTS_INVALID_HANDLE, chattts_speech_cancel(s));

    request = request_of(TEXT, 9, 200);
    IS(CHATTTS_OK, chattts_speech_start(h, &request, &s));
    status = chattts_speech_poll(s);
    CHECK(status == CHATTTS_PENDING || status == CHATTTS_OK);
    IS(CHATTTS_OK, chattts_speech_wait(s, -1));
    IS(CHATTTS_OK, chattts_speech_wait(s, 0));
    more = CAPACITY;
    IS(CHATTTS_OK, chattts_speech_read(s, samples, &more, 0));
    CHECK(more == len && memcmp(samples, expected, len * sizeof(float)) == 0);
    IS(CHATTTS_OK, chattts_speech_free(s));

    request.max_tokens = request.min_tokens = 2000;
    IS(CHATTTS_OK, chattts_speech_start(h, &request, &s));
    IS(CHATTTS_PENDING, chattts_speech_wait(s, 1));
    IS(CHATTTS_PENDING, chattts_speech_summary(s, &summary));
    IS(CHATTTS_OK, chattts_speech_cancel(s));
    IS(CHATTTS_CANCELLED, chattts_speech_wait(s, -1));
    IS(CHATTTS_CANCELLED, chattts_speech_summary(s, &summary));
    IS(CHATTTS_OK, chattts_speech_free(s));
    /* One that nobody waits for is freed as well. */
    IS(CHATTTS_OK, chattts_speech_start(h, &request, &s));
    IS(CHATTTS_OK, chattts_speech_free(s));
    request.text = "";
    request.text_len = 0;
    IS(CHATTTS_INVALID_TEXT, chattts_speech_start(h, &request, &s));
    CHECK(s == NULL);
    free(samples);
    free(expected);
}

#define LINES 6

typedef struct Heard {
    int counts[LINES];
    int statuses[LINES];
    size_t lens[LINES];
    int stop_at;
    int calls;
} Heard;

static int on_result(void *user, const ChatttsResult *result) {
    Heard *heard = (Heard *)user;
    CHECK(result->size >= sizeof *result && result->index < LINES);
    heard->counts[result->index] += 1;
    heard->statuses[result->index] = result->status;
    heard->lens[result->index] = result->samples_len;
    CHECK((result->status == CHATTTS_OK) == (result->samples != NULL));
    CHECK((result->status == CHATTTS_OK) == (result->message == NULL));
    CHECK((result->summary == NULL) || result->summary->samples == result->samples_len);
    return ++heard->calls == heard->stop_at;
}

static void batches(ChatttsHandle *h) {
    ChatttsRequest requests[LINES];
    const ChatttsRequest *pointers[LINES];
    Heard heard;
    int i;
    for (i = 0; i < LINES; i++) {
        requests[i] = request_of(TEXT, (uint64_t)i, (uint32_t)(20 + 10 * i));
        pointers[i] = &requests[i];
    }
    requests[3].text = "\xc3\x28";
    requests[3].text_len = 2;
    pointers[4] = NULL;
    memset(&heard, 0, sizeof heard);
    IS(CHATTTS_OK, chattts_batch(h, pointers, LINES, on_result, &heard));
    for (i = 0; i < LINES; i++) {
        CHECK(heard.counts[i] == 1);
        CHECK(heard.statuses[i] == (i == 3 ? CHATTTS_INVALID_TEXT : i == 4 ? CHATTTS_INVALID_PARAMETER : 0));
        CHECK((heard.lens[i] > 0) == (i != 3 && i != 4));
    }
    CHECK(heard.lens[5] > heard.lens[0]);
    IS(CHATTTS_OK, chattts_batch(h, pointers, 0, on_result, &heard));
    memset(&heard, 0, sizeof heard);
    heard.stop_at = 2;
    IS(CHATTTS_CANCELLED, chattts_batch(h, pointers, LINES, on_result, &heard));
    CHECK(heard.calls == 2);
}

/* Voices need a model that has some. */
static void voices(ChatttsHandle *demo) {
    float *first = buffer(), *second = buffer();
    size_t len = CAPACITY, other = CAPACITY;
    char *list = (char *)malloc(CAPACITY);
    ChatttsVoiceParams params;
    ChatttsRequest request = request_of(TEXT, 3, 30);
    CHECK(list != NULL);
    IS(CHATTTS_OK, chattts_voice_register(demo, "anna", "torch-f32:77", NULL));
    IS(CHATTTS_OK, chattts_voice_register(demo, "12", "mix:anna*0.5+2222*0.5", NULL));
    IS(CHATTTS_INVALID_VOICE, chattts_voice_register(demo, "a/b", "2222", NULL));
    IS(CHATTTS_INVALID_VOICE, chattts_voice_register(demo, "bob", "nobody", NULL));
    IS(CHATTTS_INVALID_VOICE, chattts_voice_register(demo, "bob", "none", NULL));
    request.role = "anna";
    IS(CHATTTS_OK, chattts_speak(demo, &request, first, &len, NULL));
    request.role = "torch-f32:77";
    IS(CHATTTS_OK, chattts_speak(demo, &request, second, &other, NULL));
    CHECK(len == other && memcmp(first, second, len * sizeof(float)) == 0);

    /* A number, here and in the frozen params, is the same role. */
    memset(&params, 0, sizeof params);
    params.role_id = 12;
    params.sample_rate = 8000;
    params.prompt = (const uint8_t *)"speed_3";
    params.prompt_len = 7;
    request.role = NULL;
    request.voice = &params;
    len = other = CAPACITY;
    IS(CHATTTS_OK, chattts_speak(demo, &request, first, &len, NULL));
    params.prompt_len = 0;
    params.role_id = CHATTTS_ROLE_DEFAULT;
    request.role = "12";
    request.settings = "{\"prompt\": \"[speed_3]\", \"sample_rate\": 8000}";
    IS(CHATTTS_OK, chattts_speak(demo, &request, second, &other, NULL));
    CHECK(len == other && memcmp(first, second, len * sizeof(float)) == 0);
    CHECK(len > 2000 && len < 8000);
    request.flags |= CHATTTS_SPEED;
    request.speed = 0.5f;
    other = CAPACITY;
    IS(CHATTTS_OK, chattts_speak(demo, &request, second, &other, NULL));
    CHECK(other + 2 > 2 * len && other < 2 * len + 2);

    len = 3;
    IS(CHATTTS_BUFFER_TOO_SMALL, chattts_voices(demo, list, &len));
    IS(CHATTTS_OK, chattts_voices(demo, list, &len));
    list[len] = 0;
    CHECK(strstr(list, "\nanna\t") != NULL && strstr(list, "\n2222\ttorch-f32:2222\t") != NULL);
    IS(CHATTTS_INVALID_HANDLE, chattts_voices(NULL, list, &len));
    free(list);
    free(first);
    free(second);
}

static void normalizes(void) {
    const char *said = "doctor Smith paid five dollars twenty cents at eight o five p m.";
    char out[100];
    size_t len = sizeof out;
    ChatttsRequest request = request_of("Dr. Smith paid $5.20 at 8:05 pm.", 0, 0);
    IS(CHATTTS_OK, chattts_normalize(&request, out, &len));
    CHECK(len == strlen(said) && memcmp(out, said, len) == 0);
    len = 10;
    IS(CHATTTS_BUFFER_TOO_SMALL, chattts_normalize(&request, out, &len));
    CHECK(len == strlen(said));
    request.flags = CHATTTS_STRICT;
    request.text = "a \xf0\x9f\x98\x80";
    request.text_len = 6;
    IS(CHATTTS_INVALID_TEXT, chattts_normalize(&request, out, &len));
    IS(CHATTTS_INVALID_PARAMETER, chattts_normalize(NULL, out, &len));
}

typedef struct Speaker {
    pthread_t thread;
    ChatttsHandle *h;
    int number;
    int status;
    size_t len;
    float *samples;
} Speaker;

static void *speak(void *user) {
    Speaker *speaker = (Speaker *)user;
    int turn;
    CHECK(chattts_error_message()[0] == 0);
    for (turn = 0; turn < 3; turn++) {
        ChatttsRequest request = request_of(TEXT, (uint64_t)(speaker->number % 4), 60);
        speaker->len = CAPACITY;
        speaker->status = chattts_speak(speaker->h, &request, speaker->samples, &speaker->len, NULL);
    }
    return NULL;
}

static void threads(ChatttsHandle *h) {
    Speaker speakers[THREADS];
    int i;
    for (i = 0; i < THREADS; i++) {
        speakers[i].h = h;
        speakers[i].number = i;
        speakers[i].samples = buffer();
        CHECK(pthread_create(&speakers[i].thread, NULL, speak, &speakers[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(speakers[i].thread, NULL) == 0);
        CHECK(speakers[i].status == CHATTTS_OK);
        CHECK(speakers[i].len == speakers[i % 4].len);
        CHECK(memcmp(speakers[i].samples, speakers[i % 4].samples, speakers[i].len * sizeof(float)) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        free(speakers[i].samples);
    }
}

static void *speak_long(void *user) {
    Speaker *speaker = (Speaker *)user;
    ChatttsRequest request = request_of(TEXT, 1, (uint32_t)speaker->number);
    speaker->len = CAPACITY * 5;
    speaker->status = chattts_speak(speaker->h, &request, speaker->samples, &speaker->len, NULL);
    return NULL;
}

/* Destroys an engine while others speak. */
static void destroys(uint32_t flags, uint32_t tokens, int status) {
    ChatttsHandle *h = create("noise");
    ChatttsSpeech *s;
    ChatttsRequest request = request_of(TEXT, 1, 2000);
    ChatttsStats stats;
    Speaker speakers[4];
    int i;
    stats.size = sizeof stats;
    for (i = 0; i < 4; i++) {
        speakers[i].h = h;
        speakers[i].number = (int)tokens;
        speakers[i].samples = (float *)malloc(CAPACITY * 5 * sizeof(float));
        CHECK(speakers[i].samples != NULL);
        CHECK(pthread_create(&speakers[i].thread, NULL, speak_long, &speakers[i]) == 0);
    }
    IS(CHATTTS_OK, chattts_speech_start(h, &request, &s));
    do {
        pause_ms(1);
        IS(CHATTTS_OK, chattts_stats(h, &stats));
    } while (stats.running + stats.queued + stats.completed < 5);
    IS(CHATTTS_OK, chattts_destroy_with(h, flags));
    IS(CHATTTS_INVALID_HANDLE, chattts_destroy_with(h, flags));
    chattts_destroy(h);
    IS(CHATTTS_INVALID_HANDLE, chattts_stats(h, &stats));
    for (i = 0; i < 4; i++) {
        CHECK(pthread_join(speakers[i].thread, NULL) == 0);
        CHECK(speakers[i].status == status);
        free(speakers[i].samples);
    }
    i = chattts_speech_wait(s, -1);
    CHECK(i == CHATTTS_CANCELLED || (flags == CHATTTS_DESTROY_WAITS && i == CHATTTS_OK));
    IS(CHATTTS_OK, chattts_speech_free(s));
}

static void compared(const char *path) {
    ChatttsHandle *h = create("demo");
    float *samples = buffer();
    size_t len = CAPACITY;
    ChatttsRequest request = request_of("Hello, 2024.", 42, 0);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    IS(CHATTTS_OK, chattts_speak(h, &request, samples, &len, NULL));
    CHECK(fwrite(samples, sizeof(float), len, file) == len);
    CHECK(fclose(file) == 0);
    free(samples);
    voices(h);
    chattts_destroy(h);
}

int main(int argc, char **argv) {
    ChatttsHandle *h;
    CHECK(argc == 2);
    versions();
    opening();
    missing();
    h = create("noise");
    wrong(h);
    too_small(h);
    streams(h);
    speeches(h);
    batches(h);
    normalizes();
    threads(h);
    chattts_destroy(h);
    destroys(CHATTTS_DESTROY_CANCELS, 2000, CHATTTS_CANCELLED);
    destroys(CHATTTS_DESTROY_WAITS, 300, CHATTTS_OK);
    compared(argv[1]);
    puts("passed");
    return 0;
}
