#define _GNU_SOURCE
#include "mounts.h"

#include <errno.h>

#ifdef __linux__

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Not every C library names these calls and flags yet; the numbers are the same on all architectures.
enum { call_open_tree = 428, call_move_mount = 429, call_mount_setattr = 442 };
enum { tree_clone = 1, move_from_empty_path = 4, attribute_read_only = 1 };

struct attributes {
    uint64_t set, clear, propagation, user_namespace;
};

static int make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int code = mkdir(path, 0755);
        *slash = '/';
        if (code && errno != EEXIST) {
            return errno;
        }
    }
    return mkdir(path, brume_folder_mode) && errno != EEXIST ? errno : 0;
}

// Only a process with one thread may enter a mount namespace, so a child does. Between fork and exit it calls the kernel
// and nothing else: the threads that it was not given may hold any lock.
static int in_namespace(pid_t process, char *target, int tree) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", process);
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    if (namespace < 0) {
        return errno;
    }
    pid_t child = fork();
    if (child == 0) {
        if (setns(namespace, CLONE_NEWNS)) {
            _exit(errno);
        }
        if (tree < 0) {
            if (umount2(target, MNT_DETACH)) {
                _exit(errno);
            }
            // What was not made for the mount is the machine's, and so is what is not empty.
            struct stat folder;
            if (stat(target, &folder) == 0 && (folder.st_mode & 07777) == brume_folder_mode) {
                rmdir(target);
            }
            _exit(0);
        }
        int code = make_folders(target);
        if (code == 0 && syscall(call_move_mount, tree, "", AT_FDCWD, target, move_from_empty_path)) {
            code = errno;
        }
        _exit(code);
    }
    int code = child < 0 ? errno : 0;
    close(namespace);
    if (child < 0) {
        return code;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

int brume_attach(pid_t process, const char *folder, const char *target, int is_read_only) {
    char path[PATH_MAX];
    if (strlen(target) >= sizeof path) {
        return ENAMETOOLONG;
    }
    strcpy(path, target);
    int tree = (int)syscall(call_open_tree, AT_FDCWD, folder, tree_clone | O_CLOEXEC);
    if (tree < 0) {
        return errno;
    }
    int code = 0;
    if (is_read_only) {
        struct attributes attributes = {.set = attribute_read_only};
        if (syscall(call_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes)) {
            code = errno;
        }
    }
    if (code == 0) {
        code = in_namespace(process, path, tree);
    }
    close(tree);
    return code;
}

int brume_detach(pid_t process, const char *target) {
    char path[PATH_MAX];
    if (strlen(target) >= sizeof path) {
        return ENAMETOOLONG;
    }
    strcpy(path, target);
    return in_namespace(process, path, -1);
}

#else

int brume_attach(pid_t process, const char *folder, const char *target, int is_read_only) {
    (void)process, (void)folder, (void)target, (void)is_read_only;
    return ENOSYS;
}

int brume_detach(pid_t process, const char *target) {
    (void)process, (void)target;
    return ENOSYS;
}

#endif
