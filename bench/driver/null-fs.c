/*
 * The null filesystem on libfuse 3, which the drivers are measured by: the low-level interface and its multi-threaded loop, as it
 * is by default. What it shows is NullFileSystem's (null-file-system.ts); the numbers come from tree.ts by -D.
 *
 *   null-fs MOUNTPOINT ENTRY_TTL_MS ATTR_TTL_MS      until it is unmounted or gets SIGTERM; says "ready" once it is mounted
 */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static double entry_ttl;
static double attr_ttl;
static char zeros[1 << 20];

static int is_listed(fuse_ino_t ino) { return ino >= FIRST_LISTED_INO && ino < FIRST_LISTED_INO + LISTED_FILES; }

/** 0 when there is no such node. */
static int attr_of(fuse_ino_t ino, struct stat *attr) {
  const int is_folder = ino == FUSE_ROOT_ID || ino == LIST_INO;
  if (!is_folder && ino != LARGE_INO && ino != SINK_INO && !is_listed(ino)) return 0;
  memset(attr, 0, sizeof(*attr));
  attr->st_ino = ino;
  attr->st_mode = is_folder ? S_IFDIR | 0755 : S_IFREG | 0644;
  attr->st_nlink = is_folder ? 2 : 1;
  attr->st_size = is_folder ? 4096 : ino == LARGE_INO ? LARGE_BYTES : 0;
  attr->st_blocks = (attr->st_size + 511) / 512;
  attr->st_uid = getuid();
  attr->st_gid = getgid();
  attr->st_atim.tv_sec = attr->st_mtim.tv_sec = attr->st_ctim.tv_sec = MTIME_SECONDS;
  return 1;
}

static fuse_ino_t listed(const char *name) {
  char *end;
  if (name[0] != 'f' || name[1] < '0' || name[1] > '9') return 0;
  const unsigned long index = strtoul(name + 1, &end, 10);
  return *end == '\0' && index < LISTED_FILES ? FIRST_LISTED_INO + index : 0;
}

static fuse_ino_t child(fuse_ino_t parent, const char *name) {
  if (parent == LIST_INO) return listed(name);
  if (parent != FUSE_ROOT_ID) return 0;
  if (strcmp(name, "list") == 0) return LIST_INO;
  if (strcmp(name, "large") == 0) return LARGE_INO;
  return strcmp(name, "sink") == 0 ? SINK_INO : 0;
}

static void entry_of(fuse_ino_t ino, struct fuse_entry_param *entry) {
  memset(entry, 0, sizeof(*entry));
  entry->ino = ino;
  attr_of(ino, &entry->attr);
  entry->entry_timeout = entry_ttl;
  entry->attr_timeout = attr_ttl;
}

/** The same as our drivers ask of the kernel (src/fuse/native/init.ts), where libfuse would choose otherwise. */
static void null_init(void *data, struct fuse_conn_info *connection) {
  (void)data;
  connection->want &= ~(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_DIO);
  connection->max_background = 64;
  connection->congestion_threshold = 48;
}

static void null_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
  struct fuse_entry_param entry;
  const fuse_ino_t ino = child(parent, name);
  if (ino == 0) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  entry_of(ino, &entry);
  fuse_reply_entry(request, &entry);
}

static void null_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  struct stat attr;
  (void)file;
  if (attr_of(ino, &attr)) {
    fuse_reply_attr(request, &attr, attr_ttl);
  } else {
    fuse_reply_err(request, ESTALE);
  }
}

static void null_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  file->fh = ino;
  file->noflush = (file->flags & O_ACCMODE) == O_RDONLY;
  fuse_reply_open(request, file);
}

static void null_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file) {
  const off_t end = ino == LARGE_INO ? LARGE_BYTES : 0;
  const off_t left = offset < end ? end - offset : 0;
  (void)file;
  fuse_reply_buf(request, zeros, left < (off_t)size ? (size_t)left : size);
}

static void null_write(fuse_req_t request, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                       struct fuse_file_info *file) {
  (void)ino, (void)data, (void)offset, (void)file;
  fuse_reply_write(request, size);
}

static void done_with_file(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  (void)ino, (void)file;
  fuse_reply_err(request, 0);
}

static void null_fsync(fuse_req_t request, fuse_ino_t ino, int data_only, struct fuse_file_info *file) {
  (void)ino, (void)data_only, (void)file;
  fuse_reply_err(request, 0);
}

static void null_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file) {
  file->fh = ino;
  file->cache_readdir = 1;
  fuse_reply_open(request, file);
}

/** The name at a position, counted from 0 with the dots; 0 at the end. */
static int name_at(fuse_ino_t folder, off_t position, char *name, struct fuse_entry_param *entry) {
  static const char *const top[] = {"list", "large", "sink"};
  if (position < 2) {
    memset(entry, 0, sizeof(*entry));
    entry->attr.st_ino = folder;
    entry->attr.st_mode = S_IFDIR;
    strcpy(name, position == 0 ? "." : "..");
    return 1;
  }
  const off_t index = position - 2;
  if (index >= (folder == LIST_INO ? LISTED_FILES : 3)) return 0;
  if (folder == LIST_INO) {
    sprintf(name, "f%d", (int)index);
  } else {
    strcpy(name, top[index]);
  }
  entry_of(child(folder, name), entry);
  return 1;
}

static void list(fuse_req_t request, fuse_ino_t ino, size_t size, off_t position, int plus) {
  char name[32];
  struct fuse_entry_param entry;
  char *page = malloc(size);
  size_t used = 0;
  if (page == NULL) {
    fuse_reply_err(request, ENOMEM);
    return;
  }
  for (; name_at(ino, position, name, &entry); position++) {
    const size_t room = size - used;
    const size_t bytes = plus ? fuse_add_direntry_plus(request, page + used, room, name, &entry, position + 1)
                              : fuse_add_direntry(request, page + used, room, name, &entry.attr, position + 1);
    if (bytes > room) break;
    used += bytes;
  }
  fuse_reply_buf(request, page, used);
  free(page);
}

static void null_readdir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t position, struct fuse_file_info *file) {
  (void)file;
  list(request, ino, size, position, 0);
}

static void null_readdirplus(fuse_req_t request, fuse_ino_t ino, size_t size, off_t position,
                             struct fuse_file_info *file) {
  (void)file;
  list(request, ino, size, position, 1);
}

static const struct fuse_lowlevel_ops operations = {
    .init = null_init,
    .lookup = null_lookup,
    .getattr = null_getattr,
    .open = null_open,
    .read = null_read,
    .write = null_write,
    .flush = done_with_file,
    .fsync = null_fsync,
    .release = done_with_file,
    .opendir = null_opendir,
    .readdir = null_readdir,
    .readdirplus = null_readdirplus,
    .releasedir = done_with_file,
};

int main(int count, char **words) {
  if (count != 4) {
    fprintf(stderr, "usage: %s MOUNTPOINT ENTRY_TTL_MS ATTR_TTL_MS\n", words[0]);
    return 2;
  }
  // An interrupted benchmark leaves no mount behind.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  entry_ttl = atof(words[2]) / 1000;
  attr_ttl = atof(words[3]) / 1000;
  char *options[] = {words[0], "-o", "default_permissions,nosuid,nodev,fsname=null,subtype=bench"};
  struct fuse_args arguments = FUSE_ARGS_INIT(3, options);
  struct fuse_session *session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
  if (session == NULL) return 1;
  int status = 1;
  if (fuse_set_signal_handlers(session) == 0) {
    if (fuse_session_mount(session, words[1]) == 0) {
      puts("ready");
      fflush(stdout);
      struct fuse_loop_config loop = {.clone_fd = 0, .max_idle_threads = 10};
      status = fuse_session_loop_mt(session, &loop) < 0;
      fuse_session_unmount(session);
    }
    fuse_remove_signal_handlers(session);
  }
  fuse_session_destroy(session);
  fuse_opt_free_args(&arguments);
  return status;
}
