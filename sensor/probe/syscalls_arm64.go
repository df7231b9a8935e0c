package probe

import "tiercel.dev/internal/event"

// nativeCalls holds the number of each call in this architecture's own table (asm-generic/unistd.h). It has no open,
// creat, dup2, unlink, rmdir, rename, link, symlink, mkdir, mknod and chmod: only their forms with a directory.
var nativeCalls = map[event.Kind]uint16{
	event.Execve: 221, event.Execveat: 281,
	event.Openat: 56, event.Openat2: 437,
	event.Connect: 203, event.Accept: 202, event.Accept4: 242, event.Bind: 200, event.Listen: 201,
	event.Socket: 198, event.Sendto: 206, event.Sendmsg: 211, event.Sendmmsg: 269,
	event.Recvfrom: 207, event.Recvmsg: 212, event.Recvmmsg: 243,
	event.Ptrace: 117, event.Setuid: 146, event.Setresuid: 147,
	event.Unlinkat: 35, event.Renameat: 38, event.Renameat2: 276,
	event.Fchmod: 52, event.Fchmodat: 53, event.Fchmodat2: 452,
	event.Mount: 40, event.Dup: 23, event.Dup3: 24,
	event.InitModule: 105, event.FinitModule: 273, event.Bpf: 280,
	event.Symlinkat: 36, event.Linkat: 37, event.Mkdirat: 34, event.Mknodat: 33, event.Truncate: 45, event.Umount2: 39,
	event.Unshare: 97, event.ProcessVMReadv: 270, event.ProcessVMWritev: 271,
	event.Setgid: 144, event.Setresgid: 149, event.Setreuid: 145, event.Setregid: 143, event.Capset: 91,
	event.Kill: 129, event.Tkill: 130, event.Tgkill: 131, event.IoUringSetup: 425,
	event.Setns: 268, event.Userfaultfd: 282, event.OpenByHandleAt: 265, event.Chroot: 51,
	event.OpenTree: 428, event.MoveMount: 429, event.Fsopen: 430, event.Fsconfig: 431, event.Fsmount: 432,
	event.Fcntl: 25, event.Ftruncate: 46, event.PidfdGetfd: 438,
}

// socketcall is not in the ARM EABI.
const socketcall = 0

var socketCalls map[uint8]event.Kind

// compatCalls holds the numbers of the same calls for 32-bit programs (the ARM EABI's table), of which some have two.
var compatCalls = map[uint16]event.Kind{
	11: event.Execve, 387: event.Execveat,
	5: event.Open, 322: event.Openat, 437: event.Openat2, 8: event.Creat,
	283: event.Connect, 285: event.Accept, 366: event.Accept4, 282: event.Bind, 284: event.Listen,
	281: event.Socket, 290: event.Sendto, 296: event.Sendmsg, 374: event.Sendmmsg,
	289: event.Sendto, 291: event.Recvfrom, // send and recv: without an address
	292: event.Recvfrom, 297: event.Recvmsg, 365: event.Recvmmsg, 417: event.Recvmmsg,
	26: event.Ptrace, 23: event.Setuid, 213: event.Setuid, 164: event.Setresuid, 208: event.Setresuid,
	10: event.Unlink, 328: event.Unlinkat,
	38: event.Rename, 329: event.Renameat, 382: event.Renameat2,
	15: event.Chmod, 94: event.Fchmod, 333: event.Fchmodat, 452: event.Fchmodat2,
	21: event.Mount, 41: event.Dup, 63: event.Dup2, 358: event.Dup3,
	128: event.InitModule, 379: event.FinitModule, 386: event.Bpf,
	83: event.Symlink, 331: event.Symlinkat, 9: event.Link, 330: event.Linkat, 40: event.Rmdir,
	39: event.Mkdir, 323: event.Mkdirat, 14: event.Mknod, 324: event.Mknodat, 92: event.Truncate, 193: event.Truncate, 52: event.Umount2,
	337: event.Unshare, 376: event.ProcessVMReadv, 377: event.ProcessVMWritev,
	46: event.Setgid, 214: event.Setgid, 170: event.Setresgid, 210: event.Setresgid,
	70: event.Setreuid, 203: event.Setreuid, 71: event.Setregid, 204: event.Setregid, 185: event.Capset,
	37: event.Kill, 238: event.Tkill, 268: event.Tgkill, 425: event.IoUringSetup,
	375: event.Setns, 388: event.Userfaultfd, 371: event.OpenByHandleAt, 61: event.Chroot,
	428: event.OpenTree, 429: event.MoveMount, 430: event.Fsopen, 431: event.Fsconfig, 432: event.Fsmount,
	55: event.Fcntl, 221: event.Fcntl, 93: event.Ftruncate, 194: event.Ftruncate, 438: event.PidfdGetfd,
}
