/* Speaks a text into a WAV file: cc speak.c $(pkg-config --cflags --libs chattts) && ./a.out "Hello." hello.wav [MODEL] */

#include <chattts.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_number(FILE *file, uint32_t number, int bytes) {
    for (; bytes > 0; bytes--, number >>= 8) {
        fputc((int)(number & 0xff), file);
    }
}

static int write_wav(const char *path, const float *samples, uint32_t len, uint32_t rate) {
    uint32_t i;
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return 0;
    }
    fputs("RIFF", file);
    write_number(file, 36 + 2 * len, 4);
    fputs("WAVEfmt ", file);
    write_number(file, 16, 4);
    write_number(file, 1, 2); /* whole numbers */
    write_number(file, 1, 2); /* channels */
    write_number(file, rate, 4);
    write_number(file, 2 * rate, 4);
    write_number(file, 2, 2);
    write_number(file, 16, 2);
    fputs("data", file);
    write_number(file, 2 * len, 4);
    for (i = 0; i < len; i++) {
        write_number(file, (uint32_t)(int32_t)(samples[i] * 32767.0f), 2);
    }
    return fclose(file) == 0;
}

int main(int argc, char **argv) {
    char error[500];
    size_t len = 0;
    float *samples;
    int status;
    ChatttsHandle *h;
    if (argc < 3) {
        fprintf(stderr, "usage: %s TEXT FILE [MODEL]\n", argv[0]);
        return 2;
    }
    h = chattts_create(argc > 3 ? argv[3] : "demo", NULL, error, sizeof error);
    if (h == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    /* Without a buffer the length is told, and the speech is kept for the call after it. */
    status = chattts_synthesize(h, argv[1], strlen(argv[1]), NULL, NULL, &len);
    samples = status == CHATTTS_BUFFER_TOO_SMALL ? (float *)malloc(len * sizeof(float)) : NULL;
    if (samples != NULL) {
        status = chattts_synthesize(h, argv[1], strlen(argv[1]), NULL, samples, &len);
    }
    if (status != CHATTTS_OK) {
        fprintf(stderr, "%s\n", chattts_error_message());
    } else if (!write_wav(argv[2], samples, (uint32_t)len, chattts_sample_rate(h))) {
        perror(argv[2]);
        status = CHATTTS_IO;
    }
    free(samples);
    chattts_destroy(h);
    return status != CHATTTS_OK;
}
