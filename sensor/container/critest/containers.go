package critest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"

	"google.golang.org/protobuf/proto"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// ID makes a container id of a name, the same each time.
func ID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Pod is a sandbox to add. ID, Name and Namespace are required.
type Pod struct {
	ID, Name, Namespace, UID, IP string
	Labels                       map[string]string
	Image                        string // of the pause container
	Privileged                   bool
	CreatedAt                    int64
}

// Container is a container to add. ID is required.
type Container struct {
	ID         string
	Pod        string // id of the sandbox
	Name       string
	Image      string // registry/repository:tag
	ImageRef   string // registry/repository@sha256:digest
	ImageID    string
	Labels     map[string]string
	Privileged bool
	Mounts     []*runtime.Mount
	CreatedAt  int64
}

// AddPod adds a sandbox, with the labels that a kubelet puts on one beside the pod's.
func (s *Server) AddPod(p Pod) {
	labels := map[string]string{
		"io.kubernetes.pod.name": p.Name, "io.kubernetes.pod.namespace": p.Namespace, "io.kubernetes.pod.uid": p.UID,
	}
	maps.Copy(labels, p.Labels)
	info := encode(map[string]any{
		"image":  p.Image,
		"config": map[string]any{"linux": map[string]any{"security_context": map[string]any{"privileged": p.Privileged}}},
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sandboxes[p.ID] = &runtime.PodSandboxStatusResponse{
		Status: &runtime.PodSandboxStatus{
			Id: p.ID, Metadata: &runtime.PodSandboxMetadata{Name: p.Name, Namespace: p.Namespace, Uid: p.UID},
			State: runtime.PodSandboxState_SANDBOX_READY, CreatedAt: p.CreatedAt,
			Network: &runtime.PodSandboxNetworkStatus{Ip: p.IP}, Labels: labels,
		},
		Info: info,
	}
	s.event(p.ID, runtime.ContainerEventType_CONTAINER_STARTED_EVENT)
}

// AddContainer adds a running container; watchers are told that it was started.
func (s *Server) AddContainer(c Container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	labels := map[string]string{"io.kubernetes.container.name": c.Name}
	if p := s.sandboxes[c.Pod].GetStatus(); p != nil {
		labels["io.kubernetes.pod.name"] = p.GetMetadata().GetName()
		labels["io.kubernetes.pod.namespace"] = p.GetMetadata().GetNamespace()
		labels["io.kubernetes.pod.uid"] = p.GetMetadata().GetUid()
	}
	maps.Copy(labels, c.Labels)
	s.sandboxOf[c.ID] = c.Pod
	s.containers[c.ID] = &runtime.ContainerStatusResponse{
		Status: &runtime.ContainerStatus{
			Id: c.ID, Metadata: &runtime.ContainerMetadata{Name: c.Name}, State: runtime.ContainerState_CONTAINER_RUNNING,
			CreatedAt: c.CreatedAt, Image: &runtime.ImageSpec{Image: c.Image}, ImageRef: c.ImageRef, ImageId: c.ImageID,
			Labels: labels, Mounts: c.Mounts,
		},
		Info: encode(map[string]any{
			"sandboxID": c.Pod,
			"config":    map[string]any{"linux": map[string]any{"security_context": map[string]any{"privileged": c.Privileged}}},
		}),
	}
	s.event(c.ID, runtime.ContainerEventType_CONTAINER_STARTED_EVENT)
}

// Remove removes a container or sandbox; watchers are told that it was.
func (s *Server) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.containers, id)
	delete(s.sandboxes, id)
	s.event(id, runtime.ContainerEventType_CONTAINER_DELETED_EVENT)
}

// Tell sends watchers an event about any id, known or not.
func (s *Server) Tell(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.event(id, runtime.ContainerEventType_CONTAINER_CREATED_EVENT)
}

// Lie changes the answer about a container. Bytes that proto.Marshal refuses to write, such as text that is not UTF-8, can
// be sent as unknown fields of the answer's messages: a reader takes them for the fields whose numbers they have.
func (s *Server) Lie(id string, change func(*runtime.ContainerStatusResponse)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := proto.Clone(s.containers[id]).(*runtime.ContainerStatusResponse)
	change(r)
	s.containers[id] = r
}

// LieOfPod changes the answer about a sandbox.
func (s *Server) LieOfPod(id string, change func(*runtime.PodSandboxStatusResponse)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := proto.Clone(s.sandboxes[id]).(*runtime.PodSandboxStatusResponse)
	change(r)
	s.sandboxes[id] = r
}

func encode(info any) map[string]string {
	text, err := json.Marshal(info)
	if err != nil {
		panic(err) // maps of strings and booleans
	}
	return map[string]string{"info": string(text)}
}
