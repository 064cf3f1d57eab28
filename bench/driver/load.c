/*
 * What programs do on the mounted folder, the same for every driver: fast enough to be no part of what is measured.
 *
 *   load JOB FOLDER CLIENTS MS      FOLDER is the top of the null tree (tree.ts)
 *
 * Prints how much was done (operations, bytes or entries) and in how many seconds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES (1 << 20)
#define BLOCK_BYTES 4096
#define FILES_A_CLIENT 64
#define MAX_CLIENTS 64

struct client {
  pthread_t thread;
  int number;
  int folder; /* "list" */
  int large;
  int files[FILES_A_CLIENT]; /* O_PATH: asked about, not opened */
  char names[FILES_A_CLIENT][16];
  void *block;
  uint64_t random;
  uint64_t done;
};

typedef void (*operation)(struct client *client, uint64_t turn);

static atomic_bool stopped;
static operation chosen;
static pthread_barrier_t start;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int check(int result, const char *what) {
  if (result < 0) fail(what);
  return result;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void print(uint64_t amount, double seconds) { printf("%llu %.9f\n", (unsigned long long)amount, seconds); }

static void do_stat(struct client *client, uint64_t turn) {
  struct stat attr;
  check(fstat(client->files[turn % FILES_A_CLIENT], &attr), "fstat");
}

static void do_lookup(struct client *client, uint64_t turn) {
  close(check(openat(client->folder, client->names[turn % FILES_A_CLIENT], O_PATH), "open with O_PATH"));
}

static void do_open(struct client *client, uint64_t turn) {
  close(check(openat(client->folder, client->names[turn % FILES_A_CLIENT], O_RDONLY), "open"));
}

static void do_random(struct client *client, uint64_t turn) {
  (void)turn;
  client->random = client->random * 6364136223846793005u + 1442695040888963407u;
  const off_t block = (off_t)((client->random >> 33) % (LARGE_BYTES / BLOCK_BYTES));
  if (pread(client->large, client->block, BLOCK_BYTES, block * BLOCK_BYTES) != BLOCK_BYTES) fail("pread");
}

static void *work(void *argument) {
  struct client *client = argument;
  pthread_barrier_wait(&start);
  for (uint64_t turn = 0; !atomic_load_explicit(&stopped, memory_order_relaxed); turn++) {
    chosen(client, turn);
    client->done = turn + 1;
  }
  return NULL;
}

static void prepare(struct client *client, int number, const char *top) {
  char path[4096];
  client->number = number;
  client->random = (uint64_t)number + 1;
  snprintf(path, sizeof(path), "%s/list", top);
  client->folder = check(open(path, O_RDONLY | O_DIRECTORY), path);
  snprintf(path, sizeof(path), "%s/large", top);
  if (chosen == do_random) client->large = check(open(path, O_RDONLY | O_DIRECT), path);
  if (posix_memalign(&client->block, BLOCK_BYTES, BLOCK_BYTES) != 0) fail("posix_memalign");
  for (int i = 0; i < FILES_A_CLIENT; i++) {
    char *name = client->names[i];
    snprintf(name, sizeof(client->names[i]), "f%d", number * FILES_A_CLIENT + i);
    client->files[i] = check(openat(client->folder, name, O_PATH), name);
  }
}

static void storm(const char *top, int count, int ms) {
  static struct client clients[MAX_CLIENTS];
  pthread_barrier_init(&start, NULL, (unsigned)count + 1);
  for (int i = 0; i < count; i++) prepare(&clients[i], i, top);
  for (int i = 0; i < count; i++) {
    if (pthread_create(&clients[i].thread, NULL, work, &clients[i]) != 0) fail("pthread_create");
  }
  pthread_barrier_wait(&start);
  const double began = now();
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&time, NULL);
  atomic_store(&stopped, 1);
  uint64_t done = 0;
  for (int i = 0; i < count; i++) {
    pthread_join(clients[i].thread, NULL);
    done += clients[i].done;
  }
  print(done, now() - began);
}

static void read_all(const char *path) {
  char *piece = malloc(PIECE_BYTES);
  const double began = now();
  const int file = check(open(path, O_RDONLY), path);
  uint64_t total = 0;
  ssize_t bytes;
  while ((bytes = check(read(file, piece, PIECE_BYTES), "read")) > 0) total += (uint64_t)bytes;
  print(total, now() - began);
  if (total != LARGE_BYTES) fail("the large file has another length");
}

static void write_all(const char *path) {
  char *piece = malloc(PIECE_BYTES);
  memset(piece, 7, PIECE_BYTES);
  const double began = now();
  const int file = check(open(path, O_WRONLY), path);
  for (uint64_t total = 0; total < LARGE_BYTES; total += PIECE_BYTES) {
    if (write(file, piece, PIECE_BYTES) != PIECE_BYTES) fail("write");
  }
  check(fsync(file), "fsync");
  check(close(file), "close");
  print(LARGE_BYTES, now() - began);
}

/** What `ls -l` does: all names, then the attributes of each. */
static void list_all(const char *path) {
  char(*names)[32] = malloc(sizeof(*names) * (LISTED_FILES + 2));
  const double began = now();
  DIR *folder = opendir(path);
  if (folder == NULL) fail(path);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL && count < LISTED_FILES + 2; count++) {
    snprintf(names[count], sizeof(names[count]), "%.31s", entry->d_name);
  }
  for (int i = 0; i < count; i++) {
    struct stat attr;
    if (names[i][0] != '.') check(fstatat(dirfd(folder), names[i], &attr, AT_SYMLINK_NOFOLLOW), names[i]);
  }
  closedir(folder);
  print((uint64_t)count - 2, now() - began);
}

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: %s read|write|list|random|stat|lookup|open FOLDER CLIENTS MS\n", words[0]);
    return 2;
  }
  char path[4096];
  const char *job = words[1];
  const int clients = atoi(words[3]);
  if (clients < 1 || clients > MAX_CLIENTS) {
    fprintf(stderr, "1 to %d clients\n", MAX_CLIENTS);
    return 2;
  }
  const struct {
    const char *job;
    const char *name;
    void (*run)(const char *path);
  } once[] = {{"read", "large", read_all}, {"write", "sink", write_all}, {"list", "list", list_all}};
  for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
    if (strcmp(job, once[i].job) != 0) continue;
    snprintf(path, sizeof(path), "%s/%s", words[2], once[i].name);
    once[i].run(path);
    return 0;
  }
  const struct {
    const char *job;
    operation operation;
  } storms[] = {{"random", do_random}, {"stat", do_stat}, {"lookup", do_lookup}, {"open", do_open}};
  for (size_t i = 0; i < sizeof(storms) / sizeof(storms[0]); i++) {
    if (strcmp(job, storms[i].job) == 0) chosen = storms[i].operation;
  }
  if (chosen == NULL) {
    fprintf(stderr, "there is no job %s\n", job);
    return 2;
  }
  storm(words[2], clients, atoi(words[4]));
  return 0;
}
