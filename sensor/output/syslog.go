package output

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"tiercel.dev/alert"
)

// syslog sends RFC 5424 messages. The connection is made when it is first needed, and again after an error; how long to
// wait in between is the Fanout's.
type syslog struct {
	network, address string
	header           syslogHeader
	limit            int
	conn             net.Conn
}

// Message sizes. RFC 5424 6.1 asks receivers for 2,048 octets; all that are in use take 8 KiB, a datagram of which
// still fits the socket buffers of unix sockets.
const (
	syslogLimit    = 8 << 10
	syslogUDPLimit = 2 << 10 // a longer datagram is sent in fragments, and lost with any of them
)

// NewSyslog makes an Output that sends to a syslog daemon. network is "unix" (address is a path; whether it is a
// datagram or a stream socket is found out), "udp" or "tcp" (address is host:port). On streams messages are framed by
// their length, as RFC 6587 3.4.1 has it. The text of a message is a line of the format.
func NewSyslog(network, address string, format Format) Output {
	host, _ := os.Hostname()
	s := &syslog{
		network: network, address: address, limit: syslogLimit,
		header: syslogHeader{host: host, app: "tiercel", procID: strconv.Itoa(os.Getpid()), format: format},
	}
	if network == "udp" {
		s.limit = syslogUDPLimit
	}
	return s
}

func (s *syslog) Write(ctx context.Context, a *alert.Alert) error {
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return err
		}
	}
	msg, err := s.header.appendMessage(nil, a, s.limit)
	if err != nil {
		return err
	}
	if err = s.send(ctx, s.frame(msg)); err == nil {
		return nil
	}
	if errors.Is(err, syscall.EMSGSIZE) {
		return fmt.Errorf("syslog %s: %w: %w", s.address, ErrAlert, err)
	}
	// A datagram's receiver that was restarted shows as an error on the next send; on a stream a part of the message may
	// be with the receiver, who discards it with the connection.
	s.conn.Close()
	s.conn = nil
	return fmt.Errorf("syslog %s: %w", s.address, err)
}

func (s *syslog) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	networks := []string{s.network}
	if s.network == "unix" {
		networks = []string{"unixgram", "unix"}
	}
	var d net.Dialer
	var errs []error
	for _, n := range networks {
		conn, err := d.DialContext(ctx, n, s.address)
		if err == nil {
			s.conn = conn
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("syslog: %w", errors.Join(errs...))
}

func (s *syslog) stream() bool {
	switch s.conn.(type) {
	case *net.TCPConn:
		return true
	case *net.UnixConn:
		return s.conn.RemoteAddr().Network() == "unix"
	}
	return false
}

func (s *syslog) frame(msg []byte) []byte {
	if !s.stream() {
		return msg
	}
	return append(append(strconv.AppendInt(nil, int64(len(msg)), 10), ' '), msg...)
}

// send writes b, and gives up when ctx is done.
func (s *syslog) send(ctx context.Context, b []byte) error {
	if err := s.alive(); err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	conn := s.conn
	stop := context.AfterFunc(ctx, func() { conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := conn.Write(b)
	return err
}

// alive notices that the peer closed a stream. Without it, what is written to a connection that the peer has left is
// taken by the kernel and lost without an error. Syslog daemons never answer, so whatever there is to read is the end.
func (s *syslog) alive() error {
	if !s.stream() {
		return nil
	}
	raw, err := s.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var n int
	var readErr error
	if err := raw.Read(func(fd uintptr) bool {
		var one [1]byte
		n, _, readErr = syscall.Recvfrom(int(fd), one[:], syscall.MSG_DONTWAIT|syscall.MSG_PEEK)
		return true
	}); err != nil {
		return err
	}
	if n == 0 && readErr == nil {
		return net.ErrClosed
	}
	return nil
}

func (s *syslog) Close(context.Context) error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}
