// Asks one URL as fast as it is answered, and prints what autocannon counted. In a process of its own, so that the
// client's work delays neither server.
import autocannon from "autocannon";

const [url = "", connections = "10", seconds = "3"] = process.argv.slice(2);

const { requests, duration, errors, non2xx } = await autocannon({
  url,
  connections: Number(connections),
  duration: Number(seconds),
});
process.stdout.write(JSON.stringify({ perSecond: requests.total / duration, failed: errors + non2xx }));
