namespace Stentor.Load.Net;

/// <summary>A measurement that did not come out right: it is printed in place of a number.</summary>
/// <param name="message">What was expected and what came.</param>
internal sealed class LoadException(string message) : Exception(message);
