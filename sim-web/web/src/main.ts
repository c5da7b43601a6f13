import "./styles/page.css";
import "./styles/views.css";
import { App } from "./app";
import { Faults } from "./parts/faults";
import { Help } from "./parts/help";
import { Narrator } from "./parts/narrator";
import { Share } from "./parts/share";
import { Story } from "./parts/story";
import { Transport } from "./parts/transport";

customElements.define("hc-story", Story);
customElements.define("hc-transport", Transport);
customElements.define("hc-faults", Faults);
customElements.define("hc-share", Share);
customElements.define("hc-help", Help);
customElements.define("hc-narrator", Narrator);
customElements.define("hc-app", App);
