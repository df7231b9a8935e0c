package pubsub

import (
	"encoding/json"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var errQuarantineFull = errors.New("quarantine file is full")

// quarantine is a file of JSON lines, one for each alert that Pub/Sub will never take, for people to look at. The
// sender's goroutine writes it; nothing depends on it.
type quarantine struct {
	path string
	max  int64
	file *os.File
}

type quarantined struct {
	Time   time.Time `json:"time"`
	Seq    uint64    `json:"seq"`
	Reason string    `json:"reason"`
	Alert  []byte    `json:"alert"` // as the spool kept it: binary, here in base64
}

func (q *quarantine) add(seq uint64, data []byte, reason string) error {
	if q.file == nil {
		f, err := os.OpenFile(q.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		q.file = f
	}
	line, err := json.Marshal(quarantined{time.Now().UTC(), seq, reason, data})
	if err != nil {
		return err
	}
	st, err := q.file.Stat()
	if err != nil {
		return err
	}
	if st.Size()+int64(len(line)) >= q.max {
		return errQuarantineFull
	}
	_, err = q.file.Write(append(line, '\n'))
	return err
}

func (q *quarantine) close() error {
	if q.file == nil {
		return nil
	}
	return q.file.Close()
}
