-- Only what has a file waits at 0 for a sweep: blobs with a file of their own, and packs. Manifests, tensors, storages
-- and the blobs in packs go with the line that takes the last reference.
DELETE FROM manifest_lists WHERE manifest_id IN (SELECT id FROM manifest WHERE refs = 0);
DELETE FROM manifest WHERE refs = 0;
DELETE FROM tensor WHERE refs = 0;
DELETE FROM storage WHERE refs = 0;
DELETE FROM blob WHERE refs = 0 AND pack_id IS NOT NULL;
DROP INDEX manifest_unreferenced;
DROP INDEX tensor_unreferenced;
DROP INDEX storage_unreferenced;
