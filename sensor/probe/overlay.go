package probe

import (
	"os"

	"github.com/cilium/ebpf/btf"
)

// findOverlay tells the kernel side where an overlay's inode keeps its dentry in the upper layer. The overlay filesystem
// may be a module, and be loaded after us: until then [event.ExecFacts.UpperLayer] is unknown. Callers hold p.mu, or are
// Open.
func (p *Probe) findOverlay(types *btf.Cache) {
	if p.overlay {
		return
	}
	kernel, err := types.Kernel()
	if err != nil {
		return
	}
	offset, ok := upperOffset(kernel)
	if !ok {
		module, err := types.Module("overlay")
		if err != nil {
			return
		}
		if offset, ok = upperOffset(module); !ok {
			return
		}
	}
	p.overlay = p.objs.OverlayUpper.Set(offset) == nil
}

// overlayLoaded reports whether the filesystem is a module that is there by now. Looking costs little; reading the
// kernel's types does not.
func overlayLoaded() bool {
	_, err := os.Stat("/sys/kernel/btf/overlay")
	return err == nil
}

// upperOffset is the distance from ovl_inode's vfs_inode, which is what the kernel side has, to its __upperdentry.
func upperOffset(spec *btf.Spec) (uint32, bool) {
	var inode *btf.Struct
	if spec.TypeByName("ovl_inode", &inode) != nil {
		return 0, false
	}
	var vfs, upper uint32
	for _, m := range inode.Members {
		switch m.Name {
		case "vfs_inode":
			vfs = m.Offset.Bytes()
		case "__upperdentry":
			upper = m.Offset.Bytes()
		}
	}
	if upper <= vfs {
		return 0, false
	}
	return upper - vfs, true
}
