/** Entry of the page under test: the stand-in for VS Code, then the page as it is shipped. */
import './host';
import '../../../webview/panel';
