/** Which keys of a configuration hold secrets: their values are never shown, whatever asks. */
export const isSecretKey = (key: string): boolean =>
  /token$|password|secret|api_?(gateway_)?key/i.test(key);
