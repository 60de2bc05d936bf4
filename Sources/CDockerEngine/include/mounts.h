#pragma once

#include <sys/types.h>

/// A folder that was made for `brume_attach` has this mode while nothing is mounted there.
enum { brume_folder_mode = 01000 };

/// Lets the processes of another mount namespace find a folder of this one at `target`, which is made when it is missing.
///
/// `process` is any process of that namespace. Needs CAP_SYS_ADMIN. Returns 0 or an error number.
int brume_attach(pid_t process, const char *folder, const char *target, int is_read_only);

/// Takes what is mounted at `target` out of another mount namespace; files that are open stay open. An empty
/// folder that it leaves goes too.
int brume_detach(pid_t process, const char *target);
