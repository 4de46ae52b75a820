# Build: needs every package.
FROM node:24-alpine AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

# Run: the bundle holds every package that the server needs, so there is nothing to install.
FROM node:24-alpine
# install.sh runs under /bin/sh; prlimit (util-linux) bounds what it may use.
RUN apk add --no-cache util-linux-misc
# The port is set here and not in kuiper.yaml, so that the health check knows it.
ENV NODE_ENV=production \
    KuiperBaseKey=/kuiper \
    KUIPER__BASIC__RESTIP=0.0.0.0 \
    KUIPER__BASIC__RESTPORT=9081
WORKDIR /app
COPY --from=build /build/LICENSE ./
COPY --from=build /build/dist ./dist
RUN ln -s /app/dist/kuiper-plugins.js /usr/local/bin/kuiper-plugins
# The user that the engine's official image has, so that both can share volumes.
RUN adduser -D -H -s /sbin/nologin -u 1001 kuiper
COPY --from=build --chown=1001:1001 /build/etc/kuiper.yaml /kuiper/etc/kuiper.yaml
RUN mkdir -p /kuiper/plugins /kuiper/data && chown -R 1001:1001 /kuiper
VOLUME ["/kuiper/etc", "/kuiper/plugins", "/kuiper/data"]
EXPOSE 9081
# Scripts that install system packages need root: run with --user root where your plugins have such.
USER 1001
# With basic.restTls it is HTTPS, with a certificate for another name than this one.
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s \
  CMD wget -q -O /dev/null "http://127.0.0.1:$KUIPER__BASIC__RESTPORT/ping" || \
    wget -q -O /dev/null --no-check-certificate "https://127.0.0.1:$KUIPER__BASIC__RESTPORT/ping" || exit 1
CMD ["node", "dist/main.js"]
