import { render } from "preact";

render(<h1>Kuiper plugins</h1>, document.body);
