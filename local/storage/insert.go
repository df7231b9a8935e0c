package storage

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"google.golang.org/api/storage/v1"
)

// maxUpload bounds an object, and maxMetadata what its keys and values come to: the service's own bound.
// https://cloud.google.com/storage/quotas#objects
const (
	maxUpload   = 16 << 20
	maxMetadata = 8 << 10
)

func (s *Server) insert(w http.ResponseWriter, r *http.Request) {
	meta, data, err := upload(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(r, meta.Name)
	needs := []string{createObject}
	if s.objects[k] != nil {
		needs = append(needs, deleteObject) // of the generation that is overwritten
	}
	if !s.allowed(w, r, objectOf(r, meta.Name), needs...) {
		return
	}
	if status, ok := matches(r, s.objects[k]); !ok {
		refuse(w, status, "conditionNotMet")
		return
	}
	s.generation++
	describe(meta, r.PathValue("bucket"), s.generation, data)
	if err := s.put(k, &object{meta, data}); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer(w, meta)
}

// describe fills in what the service does.
func describe(meta *storage.Object, bucket string, generation int64, data []byte) {
	sum := md5.Sum(data)
	crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	now := time.Now().UTC().Format(time.RFC3339Nano)
	meta.Kind, meta.Bucket, meta.Generation, meta.Metageneration = "storage#object", bucket, generation, 1
	meta.Size, meta.TimeCreated, meta.Updated = uint64(len(data)), now, now
	meta.Md5Hash, meta.Crc32c = base64.StdEncoding.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(crc)
}

// upload takes an upload of one request: data alone, or metadata and data as two parts.
// https://cloud.google.com/storage/docs/uploads-downloads
func upload(w http.ResponseWriter, r *http.Request) (*storage.Object, []byte, error) {
	body := http.MaxBytesReader(w, r.Body, maxUpload)
	meta, data := new(storage.Object), io.Reader(body)
	switch kind := r.URL.Query().Get("uploadType"); kind {
	case "media":
		meta.ContentType = r.Header.Get("Content-Type")
	case "multipart":
		var err error
		if data, err = parts(r, body, meta); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, fmt.Errorf("uploadType %q is not to be had here", kind)
	}
	if meta.Name == "" {
		meta.Name = r.URL.Query().Get("name")
	}
	size := 0
	for k, v := range meta.Metadata {
		size += len(k) + len(v)
	}
	switch {
	case meta.Name == "" || len(meta.Name) > 1024:
		return nil, nil, errors.New("a name has 1 to 1024 bytes")
	case size > maxMetadata:
		return nil, nil, fmt.Errorf("object %q: more than %d bytes of metadata", meta.Name, maxMetadata)
	}
	read, err := io.ReadAll(data)
	return meta, read, err
}

// parts reads the first part into meta and returns the second.
func parts(r *http.Request, body io.Reader, meta *storage.Object) (io.Reader, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	all := multipart.NewReader(body, params["boundary"])
	first, err := all.NextPart()
	if err != nil {
		return nil, err
	}
	if err := json.NewDecoder(first).Decode(meta); err != nil {
		return nil, err
	}
	second, err := all.NextPart()
	if err != nil {
		return nil, err
	}
	if meta.ContentType == "" {
		meta.ContentType = second.Header.Get("Content-Type")
	}
	return second, nil
}
