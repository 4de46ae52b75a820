import { render } from "preact";
import { App } from "./app.tsx";
import "./styles/colours.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/parts.css";
import "./styles/table.css";
import "./styles/views.css";

render(<App />, document.body);
