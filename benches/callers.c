/* Measures what many callers at once get, and what they leave behind in memory. After a release build:
 *
 *     cc -O2 -pthread -Isrc/capi benches/callers.c -Ltarget/release -lchattts -o target/callers
 *     LD_LIBRARY_PATH=target/release target/callers MODEL DTYPE CALLERS CALLS TOKENS
 *
 * It writes the resident memory after each tenth of the calls, and the seconds of audio made in a second. The same
 * through the program: a file of as many lines, and
 *
 *     chattts-rs synth -m MODEL --dtype DTYPE --batch-size CALLERS --min-tokens TOKENS --max-tokens TOKENS ... */
#define _POSIX_C_SOURCE 200809L

#include <chattts.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char TEXT[] = "Hello. This is a small voice.";

static ChatttsHandle *engine;
static unsigned long calls, tokens, next;
static double audio;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static double resident_mib(void) {
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *call(void *unused) {
    const size_t capacity = (tokens + 2) * 512;
    float *samples = (float *)malloc(capacity * sizeof(float));
    (void)unused;
    while (samples != NULL) {
        ChatttsRequest request;
        size_t len = capacity;
        unsigned long number;
        pthread_mutex_lock(&lock);
        number = next++;
        if (number > 0 && number % (calls < 10 ? 1 : calls / 10) == 0) {
            printf("after %6lu calls %7.1f MiB\n", number, resident_mib());
            fflush(stdout);
        }
        pthread_mutex_unlock(&lock);
        if (number >= calls) {
            break;
        }
        memset(&request, 0, sizeof request);
        request.size = sizeof request;
        request.text = TEXT;
        request.text_len = sizeof TEXT - 1;
        request.seed = number;
        request.flags = CHATTTS_SEED;
        request.min_tokens = (uint32_t)tokens;
        request.max_tokens = (uint32_t)tokens;
        if (chattts_speak(engine, &request, samples, &len, NULL) != CHATTTS_OK) {
            fprintf(stderr, "%s\n", chattts_error_message());
            exit(1);
        }
        pthread_mutex_lock(&lock);
        audio += (double)len / 24000;
        pthread_mutex_unlock(&lock);
    }
    free(samples);
    return NULL;
}

int main(int argc, char **argv) {
    char error[500];
    pthread_t threads[256];
    ChatttsOptions options;
    unsigned long callers, i;
    double start;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    if (argc != 6) {
        fprintf(stderr, "usage: %s MODEL DTYPE CALLERS CALLS TOKENS\n", argv[0]);
        return 2;
    }
    options.dtype = argv[2];
    callers = strtoul(argv[3], NULL, 10);
    calls = strtoul(argv[4], NULL, 10);
    tokens = strtoul(argv[5], NULL, 10);
    if (callers < 1 || callers > 256 || calls < 1 || tokens < 1 || tokens > 2048) {
        fprintf(stderr, "callers are 1 to 256, calls at least 1, tokens 1 to 2048\n");
        return 2;
    }
    options.batch_size = (uint32_t)callers;
    engine = chattts_create(argv[1], &options, error, sizeof error);
    if (engine == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    start = now();
    for (i = 0; i < callers; i++) {
        if (pthread_create(&threads[i], NULL, call, NULL) != 0) {
            fprintf(stderr, "the system gives no thread\n");
            return 1;
        }
    }
    for (i = 0; i < callers; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%.2f s of audio in a second\n", audio / (now() - start));
    chattts_destroy(engine);
    return 0;
}
