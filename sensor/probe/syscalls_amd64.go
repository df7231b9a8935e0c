package probe

import "tiercel.dev/internal/event"

// nativeCalls holds the number of each call in this architecture's own table (asm/unistd_64.h).
var nativeCalls = map[event.Kind]uint16{
	event.Execve: 59, event.Execveat: 322,
	event.Open: 2, event.Openat: 257, event.Openat2: 437, event.Creat: 85,
	event.Connect: 42, event.Accept: 43, event.Accept4: 288, event.Bind: 49, event.Listen: 50,
	event.Socket: 41, event.Sendto: 44, event.Sendmsg: 46, event.Sendmmsg: 307,
	event.Recvfrom: 45, event.Recvmsg: 47, event.Recvmmsg: 299,
	event.Ptrace: 101, event.Setuid: 105, event.Setresuid: 117,
	event.Unlink: 87, event.Unlinkat: 263,
	event.Rename: 82, event.Renameat: 264, event.Renameat2: 316,
	event.Chmod: 90, event.Fchmod: 91, event.Fchmodat: 268, event.Fchmodat2: 452,
	event.Mount: 165, event.Dup: 32, event.Dup2: 33, event.Dup3: 292,
	event.InitModule: 175, event.FinitModule: 313, event.Bpf: 321,
	event.Symlink: 88, event.Symlinkat: 266, event.Link: 86, event.Linkat: 265, event.Rmdir: 84,
	event.Mkdir: 83, event.Mkdirat: 258, event.Mknod: 133, event.Mknodat: 259, event.Truncate: 76, event.Umount2: 166,
	event.Unshare: 272, event.ProcessVMReadv: 310, event.ProcessVMWritev: 311,
	event.Setgid: 106, event.Setresgid: 119, event.Setreuid: 113, event.Setregid: 114, event.Capset: 126,
	event.Kill: 62, event.Tkill: 200, event.Tgkill: 234, event.IoUringSetup: 425,
	event.Setns: 308, event.Userfaultfd: 323, event.OpenByHandleAt: 304, event.Chroot: 161,
	event.OpenTree: 428, event.MoveMount: 429, event.Fsopen: 430, event.Fsconfig: 431, event.Fsmount: 432,
	event.Fcntl: 72, event.Ftruncate: 77, event.PidfdGetfd: 438,
}

// socketcall is the 32-bit number by which all socket calls can be made: the first argument says which.
const socketcall = 102

// socketCalls are those first arguments (linux/net.h).
var socketCalls = map[uint8]event.Kind{
	1: event.Socket, 2: event.Bind, 3: event.Connect, 4: event.Listen, 5: event.Accept, 18: event.Accept4,
	9: event.Sendto, 11: event.Sendto, 16: event.Sendmsg, 20: event.Sendmmsg, // 9 is send, without an address
	10: event.Recvfrom, 12: event.Recvfrom, 17: event.Recvmsg, 19: event.Recvmmsg, // 10 is recv, without one
}

// compatCalls holds the numbers of the same calls for 32-bit programs (asm/unistd_32.h), of which some have two.
var compatCalls = map[uint16]event.Kind{
	11: event.Execve, 358: event.Execveat,
	5: event.Open, 295: event.Openat, 437: event.Openat2, 8: event.Creat,
	362: event.Connect, 364: event.Accept4, 361: event.Bind, 363: event.Listen,
	359: event.Socket, 369: event.Sendto, 370: event.Sendmsg, 345: event.Sendmmsg,
	371: event.Recvfrom, 372: event.Recvmsg, 337: event.Recvmmsg, 417: event.Recvmmsg,
	26: event.Ptrace, 23: event.Setuid, 213: event.Setuid, 164: event.Setresuid, 208: event.Setresuid,
	10: event.Unlink, 301: event.Unlinkat,
	38: event.Rename, 302: event.Renameat, 353: event.Renameat2,
	15: event.Chmod, 94: event.Fchmod, 306: event.Fchmodat, 452: event.Fchmodat2,
	21: event.Mount, 41: event.Dup, 63: event.Dup2, 330: event.Dup3,
	128: event.InitModule, 350: event.FinitModule, 357: event.Bpf,
	83: event.Symlink, 304: event.Symlinkat, 9: event.Link, 303: event.Linkat, 40: event.Rmdir,
	39: event.Mkdir, 296: event.Mkdirat, 14: event.Mknod, 297: event.Mknodat, 92: event.Truncate, 193: event.Truncate,
	22: event.Umount, 52: event.Umount2,
	310: event.Unshare, 347: event.ProcessVMReadv, 348: event.ProcessVMWritev,
	46: event.Setgid, 214: event.Setgid, 170: event.Setresgid, 210: event.Setresgid,
	70: event.Setreuid, 203: event.Setreuid, 71: event.Setregid, 204: event.Setregid, 185: event.Capset,
	37: event.Kill, 238: event.Tkill, 270: event.Tgkill, 425: event.IoUringSetup,
	346: event.Setns, 374: event.Userfaultfd, 342: event.OpenByHandleAt, 61: event.Chroot,
	428: event.OpenTree, 429: event.MoveMount, 430: event.Fsopen, 431: event.Fsconfig, 432: event.Fsmount,
	55: event.Fcntl, 221: event.Fcntl, 93: event.Ftruncate, 194: event.Ftruncate, 438: event.PidfdGetfd,
}
