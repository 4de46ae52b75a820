/** The origin of a plugin whose zip a client has sent, without the name of a file. Other origins are addresses. */
export const UPLOAD = "upload";

/** Before the name of the file, where the client has named it: `upload of random.zip`. */
export const UPLOAD_OF = "upload of ";
