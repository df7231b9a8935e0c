package cri

import "encoding/json"

// info is the part that is read of the JSON under "info" in a verbose answer. CRI leaves its form to the runtime; these are
// containerd's (ContainerInfo and SandboxInfo, 1.x and 2.x) and CRI-O's (containerInfo, sandbox info).
type info struct {
	SandboxID  string          `json:"sandboxID"`
	Image      json.RawMessage `json:"image"`      // sandbox, both: the reference, a string
	Privileged bool            `json:"privileged"` // container, CRI-O
	Config     struct {
		Image struct {
			Image     string `json:"image"`
			Specified string `json:"user_specified_image"`
		} `json:"image"`
		Linux struct {
			SecurityContext struct {
				Privileged bool `json:"privileged"`
			} `json:"security_context"`
		} `json:"linux"`
	} `json:"config"` // container and sandbox, containerd: what the kubelet asked for
}

func parseInfo(m map[string]string) (info, bool) {
	var i info
	if err := json.Unmarshal([]byte(m["info"]), &i); err != nil {
		return info{}, false
	}
	return i, true
}

// privileged says what the kubelet asked for. It is not guessed from the OCI spec: a container with all capabilities, or
// without masked paths, need not be a privileged one.
func (i info) privileged() bool { return i.Privileged || i.Config.Linux.SecurityContext.Privileged }

func (i info) sandboxImage() string {
	var s string
	_ = json.Unmarshal(i.Image, &s) // not a string: not known
	return s
}
