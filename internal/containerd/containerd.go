// Package containerd runs a containerd of one's own, with pods as a kubelet makes them, for tests and for the README's
// pictures. It needs root, and the programs that scripts/e2e builds.
package containerd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A Containerd is one that runs, with its CRI. Close ends it.
type Containerd struct {
	Socket string

	bin  string
	dir  string // of all that it keeps
	cmd  *exec.Cmd
	log  bytes.Buffer
	conn *grpc.ClientConn
	cri  cri.RuntimeServiceClient
	undo []func() // what was made, the last first
}

const settings = `version = 3
root = %q
state = %q
[grpc]
  address = %q
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = %q
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = %q
`

const network = `{"cniVersion":"0.4.0","name":"e2e","plugins":[{"type":"loopback"}]}`

// Start runs the containerd of a folder of programs on a socket, whose path has 107 bytes at most, and gives it [Image] with
// these programs added. It returns when the CRI answers, or ctx is done.
func Start(ctx context.Context, bin, socket string, programs ...Program) (*Containerd, error) {
	dir, err := os.MkdirTemp("", "tiercel-containerd-")
	if err != nil {
		return nil, err
	}
	c := &Containerd{Socket: socket, bin: bin, dir: dir}
	if err := c.start(ctx, programs); err != nil {
		closed := c.Close() // only then has it said all
		return nil, errors.Join(fmt.Errorf("containerd on %s: %w; it said:\n%s", socket, err, c.Said()), closed)
	}
	return c, nil
}

func (c *Containerd) start(ctx context.Context, programs []Program) error {
	config, cni, archive := filepath.Join(c.dir, "containerd.toml"), filepath.Join(c.dir, "cni"), filepath.Join(c.dir, "image.tar")
	image, err := busybox(programs)
	if err != nil {
		return err
	}
	for _, dir := range []string{cni, filepath.Dir(c.Socket)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for file, text := range map[string][]byte{
		config:  fmt.Appendf(nil, settings, filepath.Join(c.dir, "root"), filepath.Dir(c.Socket), c.Socket, Image, cni),
		archive: image, filepath.Join(cni, "10-e2e.conflist"): []byte(network),
	} {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	c.cmd = exec.Command(filepath.Join(c.bin, "containerd"), "-c", config)
	c.cmd.Env = append(os.Environ(), "PATH="+c.bin+":"+os.Getenv("PATH"))
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		c.cmd = nil
		return err
	}
	if err := c.await(ctx); err != nil {
		return err
	}
	if err := c.Ctr(ctx, "images", "import", archive); err != nil {
		return err
	}
	// The CRI learns of it by an event, and would ask a registry for it before.
	images := cri.NewImageServiceClient(c.conn)
	return until(ctx, func() error {
		answer, err := images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: Image}})
		if err == nil && answer.Image == nil {
			err = fmt.Errorf("%s: not known yet", Image)
		}
		return err
	})
}

func (c *Containerd) await(ctx context.Context) (err error) {
	c.conn, err = grpc.NewClient("unix://"+c.Socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	c.cri = cri.NewRuntimeServiceClient(c.conn)
	return until(ctx, func() error {
		_, err := c.cri.Version(ctx, &cri.VersionRequest{})
		return err
	})
}

// until tries again until it works, or ctx is done.
func until(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("CRI: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Ctr runs ctr, containerd's own client, on the containers that the CRI made.
func (c *Containerd) Ctr(ctx context.Context, args ...string) error {
	args = append([]string{"-a", c.Socket, "-n", "k8s.io"}, args...)
	if out, err := exec.CommandContext(ctx, filepath.Join(c.bin, "ctr"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ctr %v: %w\n%s", args, err, out)
	}
	return nil
}

// Close removes what was made and ends containerd.
func (c *Containerd) Close() error {
	for i := len(c.undo) - 1; i >= 0; i-- {
		c.undo[i]()
	}
	if c.conn != nil {
		c.conn.Close()
	}
	if c.cmd != nil {
		_ = c.cmd.Process.Signal(os.Interrupt) // it has ended if it cannot be told
		_ = c.cmd.Wait()                       // its code says nothing of what it was used for
	}
	return os.RemoveAll(c.dir)
}

// Said is the end of what it wrote, once it is closed.
func (c *Containerd) Said() string {
	text := c.log.String()
	return text[max(0, len(text)-4096):]
}
