namespace Stentor.Cli.Demos;

/// <summary>A demonstration cannot go on: a node did not start, something did not happen in time.</summary>
/// <param name="message">What was expected, and what is known of why it did not come.</param>
internal sealed class DemoException(string message) : Exception(message);
