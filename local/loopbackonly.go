package local

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// errBeyond keeps what the embedded cloud says that nothing leaves this machine: a simulated cluster may be said to be anywhere.
var errBeyond = errors.New("simulated clusters are on this machine alone")

// loopback connects to this machine, and to no other.
var loopback = net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s: %w", address, errBeyond)
	}
	return nil
}}
